// One station: what it is, and what each of its EVSEs does.
export default {
  props: { data: Object },
  template: `
    <div class="cb-station-facts">
      <dl class="cb-facts"><template v-for="f in data.facts" :key="f[0]"><dt>{{ f[0] }}</dt><dd>{{ f[1] }}</dd></template></dl>
      <ul class="cb-evses">
        <li v-for="e in data.evses" :key="e.evse">
          <p class="cb-limit-head"><b>{{ e.name }}</b><span class="cb-chip" :class="'is-' + e.key">{{ e.status }}</span></p>
          <p v-if="e.told" class="cb-basis">{{ e.told }}</p>
          <p v-if="e.error" class="cb-error">{{ e.error }}</p>
        </li>
      </ul>
      <p v-if="data.note" class="cb-hint"><q-icon name="info" aria-hidden="true" /> {{ data.note }}</p>
    </div>`,
};
