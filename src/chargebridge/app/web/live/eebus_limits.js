// What the grid asks for: a sentence for each limit, how fresh the control box's heartbeat is, and the figures behind.
export default {
  props: { data: Array },
  template: `
    <div><div v-for="l in data" :key="l.name" class="cb-grid-limit" :class="'is-' + l.level" :data-limit="l.name">
      <p class="cb-grid-head"><b>{{ l.name }}</b><span class="cb-chip" :class="'is-' + l.level">{{ l.state }}</span></p>
      <p class="cb-grid-said" role="status">{{ l.said }}</p>
      <div class="cb-beat" :class="{ 'is-late': l.share > 0.6, 'is-never': l.never }">
        <span><q-icon name="monitor_heart" aria-hidden="true" /> Last heartbeat <b>{{ l.beat }}</b></span>
        <span class="cb-beat-bar" aria-hidden="true"><i :style="{ width: 100 * l.share + '%' }"></i></span>
        <small>failsafe after {{ l.after }} of silence</small>
      </div>
      <dl class="cb-eebus-facts"><template v-for="f in l.facts" :key="f[0]"><dt>{{ f[0] }}</dt><dd>{{ f[1] }}</dd></template></dl>
    </div></div>`,
};
