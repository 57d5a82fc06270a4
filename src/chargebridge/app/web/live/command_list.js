// Commands that were given, each with the station's own answer or why there is none.
export default {
  props: { data: Array },
  template: `
    <p v-if="!data.length" class="cb-empty">No command was given yet.</p>
    <ul v-else class="cb-commands">
      <li v-for="c in data" :key="c.number">
        <p class="cb-limit-head"><b>{{ c.action }}</b><span class="cb-chip" :class="'is-' + c.level">{{ c.outcome }}</span></p>
        <p v-if="c.payload">{{ c.payload }}</p>
        <p v-if="c.detail" class="cb-cure">{{ c.detail }}</p>
        <p class="cb-basis">{{ c.asked }}<template v-if="c.took">, {{ c.took }}</template></p>
        <details v-if="c.response"><summary>The station's answer</summary><pre class="cb-json" tabindex="0">{{ c.response }}</pre></details>
      </li>
    </ul>`,
};
