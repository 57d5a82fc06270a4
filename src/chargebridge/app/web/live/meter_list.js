// Each meter: how well it is heard, and what is odd about it with what to do.
export default {
  props: { data: Array },
  template: `
    <p v-if="!data.length" class="cb-empty">No meter is configured.</p>
    <ul v-else class="cb-limits">
      <li v-for="m in data" :key="m.id" :data-meter="m.id">
        <q-icon name="sensors" aria-hidden="true" />
        <div>
          <p class="cb-limit-head"><b>{{ m.id }}</b><span>{{ m.place }}</span><span class="cb-chip" :class="'is-' + m.level">{{ m.state }}</span></p>
          <p v-if="m.heard">{{ m.heard }}</p>
          <div v-for="odd in m.odd" :key="odd.kind" class="cb-odd">
            <p>{{ odd.text }}</p>
            <p class="cb-cure"><b>What to do:</b> {{ odd.cure }}</p>
            <p class="cb-basis">{{ odd.since }}</p>
          </div>
        </div>
      </li>
    </ul>`,
};
