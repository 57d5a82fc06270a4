// A small table of finished words; the first row is its head.
export default {
  props: { data: Object },
  template: `
    <p v-if="!data.rows.length" class="cb-empty">{{ data.empty }}</p>
    <div v-else class="cb-table-box"><table class="cb-sessions cb-plain-table">
      <thead><tr><th v-for="h in data.head" :key="h">{{ h }}</th></tr></thead>
      <tbody><tr v-for="(r, n) in data.rows" :key="n"><td v-for="(cell, i) in r" :key="i" :data-head="data.head[i]">{{ cell }}</td></tr></tbody>
    </table></div>`,
};
