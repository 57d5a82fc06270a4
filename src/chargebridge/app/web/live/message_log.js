// A station's messages, the newest first: what was said, what changed, what was wrong; a tap shows all of one.
export default {
  props: { data: Object },
  emits: ["open", "older"],
  template: `
    <p v-if="!data.rows.length" class="cb-empty">{{ data.empty }}</p>
    <ul v-else class="cb-messages">
      <li v-for="m in data.rows" :key="m.number" :class="['is-' + m.direction, m.level && 'is-' + m.level]" :data-message="m.number">
        <button type="button" class="cb-message" :aria-expanded="m.open" @click="$emit('open', m.number)">
          <span class="cb-message-when"><q-icon :name="m.direction === 'in' ? 'south_west' : 'north_east'" :aria-label="m.direction === 'in' ? 'from the station' : 'to the station'" /> {{ m.time }}</span>
          <span class="cb-message-what"><b>{{ m.action }}</b><span v-if="m.kind" class="cb-tag">{{ m.kind }}</span></span>
          <span class="cb-message-said">{{ m.summary }}</span>
        </button>
        <p v-if="m.fault" class="cb-message-fault">{{ m.fault }}</p>
        <ul v-if="m.changes.length" class="cb-changes" aria-label="What changed">
          <li v-for="c in (m.open ? m.changes : m.changes.slice(0, 4))" :key="c.path"><span>{{ c.path }}</span> <s>{{ c.before }}</s> <b>{{ c.after }}</b></li>
          <li v-if="!m.open && m.changes.length > 4" class="cb-basis">{{ m.changes.length - 4 }} more</li>
        </ul>
        <p v-else-if="m.same && m.open" class="cb-basis">Nothing changed against the last one.</p>
        <pre v-if="m.open" class="cb-json" tabindex="0">{{ m.body }}</pre>
      </li>
    </ul>
    <button v-if="data.more" type="button" class="cb-plain cb-older" @click="$emit('older')">Older messages</button>`,
};
