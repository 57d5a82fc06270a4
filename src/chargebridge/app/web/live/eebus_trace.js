// The last messages between our peers and us, the newest first: a line each; a tap shows it as it was on the wire.
export default {
  props: { data: Object },
  emits: ["open"],
  template: `
    <p v-if="!data.rows.length" class="cb-empty">{{ data.empty }}</p>
    <ul v-else class="cb-messages cb-trace" tabindex="0" aria-label="Messages">
      <li v-for="m in data.rows" :key="m.number" :class="['is-' + m.direction, m.level && 'is-' + m.level]" :data-message="m.number">
        <button type="button" class="cb-message" :aria-expanded="m.open" @click="$emit('open', m.number)">
          <span class="cb-message-when"><q-icon v-if="m.direction" :name="m.direction === 'in' ? 'south_west' : 'north_east'" :aria-label="m.direction === 'in' ? 'from the peer' : 'to the peer'" /> {{ m.time }}</span>
          <span class="cb-message-what"><span class="cb-tag" :class="'is-' + m.classifier">{{ m.classifier }}</span><b v-if="m.function">{{ m.function }}</b><template v-else>{{ m.value }}</template><b v-if="m.result" :class="m.level ? 'is-bad' : 'is-good'">{{ m.result }}</b></span>
          <small class="cb-trace-ends">{{ m.peer }}<template v-if="m.ends"> · {{ m.ends }}</template></small>
          <span v-if="m.function && m.value" class="cb-trace-said">{{ m.value }}</span>
        </button>
        <pre v-if="m.open" class="cb-json" tabindex="0">{{ m.raw }}</pre>
      </li>
    </ul>`,
};
