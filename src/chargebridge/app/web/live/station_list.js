// All charging stations: one line each, found by what is typed; a tap leads to the station's own page.
export default {
  props: { data: Array },
  data: () => ({ wanted: "" }),
  computed: {
    found() {
      const words = this.wanted.toLowerCase().split(/\s+/).filter(Boolean);
      const text = (s) => [s.id, s.state, s.protocol, s.make, s.firmware, s.note, ...s.evses.map((e) => e.name + " " + e.status)].join(" ").toLowerCase();
      return words.length ? this.data.filter((s) => words.every((w) => text(s).includes(w))) : this.data;
    },
  },
  template: `
    <p v-if="!data.length" class="cb-empty">No charging station is configured yet. Import some, or add them to the configuration.</p>
    <template v-else>
      <input v-if="data.length > 5" v-model="wanted" class="cb-search" type="search" placeholder="Find by name, make, state, firmware" aria-label="Find stations" />
      <p v-if="!found.length" class="cb-empty">No station fits “{{ wanted }}”.</p>
      <ul class="cb-stations">
        <li v-for="s in found" :key="s.id" :data-station="s.id">
          <a :href="'/stations/' + encodeURIComponent(s.id)" class="cb-station">
            <span class="cb-station-name"><b>{{ s.id }}</b><span class="cb-chip" :class="'is-' + s.level">{{ s.state }}</span></span>
            <span class="cb-station-make">{{ s.make || "not told yet" }}<small v-if="s.firmware">firmware {{ s.firmware }}</small></span>
            <span class="cb-station-evses"><span v-for="e in s.evses" :key="e.evse" class="cb-tag" :class="'is-' + e.key">{{ e.name }}: {{ e.status }}</span></span>
            <span class="cb-station-heard">{{ s.protocol }}<small v-if="s.heard">heard {{ s.heard }}</small></span>
            <span v-if="s.note" class="cb-station-note"><q-icon name="info" aria-hidden="true" /> {{ s.note }}</span>
          </a>
        </li>
      </ul>
    </template>`,
};
