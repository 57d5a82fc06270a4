// Connections that got no further than the door: what helps when a device does not show up at all.
export default {
  props: { data: Array },
  template: `
    <details v-if="data.length" class="cb-refusals">
      <summary>{{ data.length === 1 ? "One connection" : data.length + " connections" }} got no further than the door</summary>
      <ul><li v-for="r in data" :key="r.host"><b>{{ r.host }}</b> <small>{{ r.times }}</small><p>{{ r.reason }} {{ r.cure }}</p></li></ul>
    </details>`,
};
