// Each controllable load: what it draws, what it may, and why.
export default {
  props: { data: Array },
  template: `
    <ul class="cb-limits">
      <li v-for="load in data" :key="load.id" :data-load="load.id">
        <q-icon name="heat_pump" aria-hidden="true" />
        <div>
          <p class="cb-limit-head"><b>{{ load.name }}</b><span>{{ load.power }}</span><span class="cb-chip" :class="'is-' + load.level">{{ load.state }}</span></p>
          <p>{{ load.reason }}</p>
          <p class="cb-basis">{{ load.facts }}</p>
        </div>
      </li>
    </ul>`,
};
