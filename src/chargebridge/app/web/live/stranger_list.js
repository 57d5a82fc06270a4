// Who knocked and was not let in, and who waits for approval.
export default {
  props: { data: Array },
  emits: ["judge"],
  template: `
    <p v-if="!data.length" class="cb-empty">Nobody was turned away.</p>
    <ul v-else class="cb-commands">
      <li v-for="s in data" :key="s.id + s.why">
        <p class="cb-limit-head"><b>{{ s.id || "(no name)" }}</b><span class="cb-chip is-tight">{{ s.why }}</span></p>
        <p v-if="s.about">{{ s.about }}</p>
        <p class="cb-basis">from {{ s.from }}, {{ s.times }}</p>
        <p v-if="s.approvable" class="cb-campaign-buttons">
          <button type="button" class="cb-plain" @click="$emit('judge', 'approve ' + s.id)">Let in</button>
          <button type="button" class="cb-plain is-danger" @click="$emit('judge', 'refuse ' + s.id)">Turn away</button>
        </p>
      </li>
    </ul>`,
};
