// Firmware campaigns: how far each is, station by station.
export default {
  props: { data: Array },
  emits: ["steer"],
  template: `
    <p v-if="!data.length" class="cb-empty">No firmware campaign yet.</p>
    <ul v-else class="cb-campaigns">
      <li v-for="c in data" :key="c.number" :data-campaign="c.number">
        <p class="cb-limit-head"><b>{{ c.name }}</b><span>{{ c.done }} installed</span><span class="cb-chip" :class="'is-' + c.level">{{ c.state }}</span></p>
        <div class="cb-progress" role="img" :aria-label="c.parts.map(p => p.count + ' ' + p.state).join(', ')">
          <i v-for="p in c.parts" :key="p.state" :class="'is-' + p.state" :style="{ width: 100 * p.share + '%' }" :title="p.count + ' ' + p.state"></i>
        </div>
        <p class="cb-legend"><span v-for="p in c.parts" :key="p.state"><i :class="'is-' + p.state"></i>{{ p.count }} {{ p.state }}</span></p>
        <p v-if="c.note" class="cb-cure">{{ c.note }}</p>
        <p class="cb-basis cb-break">{{ c.limits }}. Begun {{ c.begun }}. {{ c.url }}</p>
        <p class="cb-campaign-buttons">
          <button v-if="c.pausable" type="button" class="cb-plain" @click="$emit('steer', 'pause ' + c.number)">Pause</button>
          <button v-if="c.resumable" type="button" class="cb-plain" @click="$emit('steer', 'resume ' + c.number)">Resume</button>
          <button v-if="c.retryable" type="button" class="cb-plain" @click="$emit('steer', 'retry ' + c.number)">Try again</button>
          <button v-if="c.abortable" type="button" class="cb-plain is-danger" @click="$emit('steer', 'abort ' + c.number)">Abort</button>
        </p>
        <details><summary>Stations</summary>
          <ul class="cb-campaign-stations">
            <li v-for="s in c.stations" :key="s.id"><a :href="'/stations/' + encodeURIComponent(s.id)">{{ s.id }}</a><span class="cb-chip" :class="'is-' + s.level">{{ s.state }}</span><span class="cb-basis">{{ s.firmware }}</span><span class="cb-basis">{{ s.detail }}</span></li>
          </ul>
        </details>
      </li>
    </ul>`,
};
