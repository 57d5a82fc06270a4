// Limits in force, still to come or silent, with their source, ground and remaining time.
export default {
  props: { data: Array },
  emits: ["withdraw"],
  template: `
    <p v-if="!data.length" class="cb-empty">No limit beyond the fuses: every car may draw what its circuit carries.</p>
    <ul v-else class="cb-limits">
      <li v-for="l in data" :key="l.entry" :class="{ 'is-silent': l.silent, 'is-coming': l.coming }" :data-limit="l.id">
        <q-icon :name="l.icon" aria-hidden="true" />
        <div>
          <p class="cb-limit-head"><b>{{ l.bound }}</b><span>{{ l.scope }}</span><span class="cb-chip" :class="l.silent ? 'is-over' : l.coming ? '' : 'is-ok'">{{ l.state }}</span></p>
          <p>{{ l.source }} · {{ l.time }}</p>
          <p class="cb-basis">{{ l.basis }}<template v-if="l.note"> · {{ l.note }}</template></p>
        </div>
        <button v-if="l.withdrawable" class="cb-plain" type="button" @click="$emit('withdraw', l.entry)" :aria-label="'Withdraw ' + l.bound + ' on ' + l.scope">Withdraw</button>
      </li>
    </ul>`,
};
