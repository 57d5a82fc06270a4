// When the car charges, over the hours until it leaves, with the price of each; the departure is dragged on the chart, the energy on a slider.
// Emits "ask" with { leaves, kwh } while something is moved, and "take" when the driver wants what he sees.
const HOUR = 3600000, STEP = 300000, W = 420, H = 180, TOP = 26, BOTTOM = 28, LEFT = 4, RIGHT = 4;
export default {
  props: { data: Object },
  emits: ["ask", "take"],
  data: () => ({ leaves: null, kwh: null, dragging: false, timer: null, waiting: false }),
  computed: {
    shown() { return this.moved && this.data.trial ? this.data.trial : this.data.plan; },
    moved() { return this.leaves !== null || this.kwh !== null; },
    leave() { return this.leaves ?? this.data.leaves ?? this.data.unsaid; },
    need() { return this.kwh ?? this.data.kwh; },
    width() { return this.data.until - this.data.now; },
    top() { return Math.max(...this.shown.steps.map((s) => s.price), 0.01); },
    low() { return Math.min(0, ...this.shown.steps.map((s) => s.price)); },
    most() { return Math.max(this.data.most_kw, 1); },
    bars() { return this.shown.steps.filter((s) => s.at < this.data.until && s.at + s.s * 1000 > this.data.now).map((s) => this.bar(s)); },
    line() {
      return this.shown.steps.filter((s) => s.at < this.data.until).map((s, i) =>
        (i ? "V" : `M${this.x(s.at)} `) + (i ? this.py(s.price) : this.py(s.price)) + `H${this.x(Math.min(s.at + s.s * 1000, this.data.until))}`).join("");
    },
    ticks() {
      const hours = this.width / HOUR, each = hours <= 8 ? 1 : hours <= 14 ? 2 : hours <= 32 ? 4 : 8, found = [];
      const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: this.data.zone });
      for (let at = Math.ceil(this.data.now / HOUR) * HOUR; at < this.data.until - HOUR / 3; at += HOUR) {
        const text = clock.format(at);
        if (Number(text.slice(0, 2)) % each === 0) found.push({ at, x: this.x(at), text });
      }
      return found;
    },
    when() {
      const text = (at, form) => new Intl.DateTimeFormat("en-GB", { ...form, timeZone: this.data.zone }).format(at);
      const day = { day: "numeric" }, clock = { hour: "2-digit", minute: "2-digit" };
      return text(this.leave, text(this.leave, day) === text(this.data.now, day) ? clock : { weekday: "short", ...clock });
    },
  },
  watch: {
    "data.saved"() { this.leaves = this.kwh = null; },
    "data.trial"() { this.waiting = false; },
  },
  methods: {
    x(at) { return LEFT + (W - LEFT - RIGHT) * Math.max(0, Math.min(1, (at - this.data.now) / this.width)); },
    py(price) { return Math.round(10 * (TOP + (H - TOP - BOTTOM) * (1 - (price - this.low) / (this.top - this.low || 1)) * 0.92)) / 10; },
    bar(s) {
      const x = this.x(s.at), end = this.x(s.at + s.s * 1000), share = Math.min(1, Math.abs(s.kw) / this.most);
      return { key: s.at, x, w: Math.max(0.5, end - x - 0.6), h: (H - TOP - BOTTOM) * share, back: s.kw < 0 };
    },
    begin(event) { this.dragging = true; event.target.setPointerCapture?.(event.pointerId); },
    move(event) {
      if (!this.dragging) return;
      const box = this.$refs.chart.getBoundingClientRect();
      this.leaveAt(this.data.now + ((event.clientX - box.left) / box.width * W - LEFT) / (W - LEFT - RIGHT) * this.width);
    },
    end() { this.dragging = false; },
    press(event) {
      const by = { ArrowLeft: -3, ArrowRight: 3, ArrowDown: -3, ArrowUp: 3, PageDown: -12, PageUp: 12 }[event.key];
      if (by) { event.preventDefault(); this.leaveAt(this.leave + by * STEP); }
    },
    leaveAt(at) {
      const least = Math.ceil((this.data.now + STEP) / STEP) * STEP;
      this.leaves = Math.max(least, Math.min(this.data.until - STEP, Math.round(at / STEP) * STEP));
      this.ask();
    },
    energy(event) { this.kwh = Number(event.target.value); this.ask(); },
    ask() {
      this.waiting = true;
      if (this.timer) return;
      this.timer = setTimeout(() => { this.timer = null; this.$emit("ask", { leaves: this.leave, kwh: this.need }); }, 120);
    },
    take() { this.$emit("take", { leaves: this.leave, kwh: this.need }); },
    back() { this.leaves = this.kwh = null; },
  },
  template: `
    <section class="cb-plan" aria-label="The plan for this car">
      <h2>When it charges</h2>
      <p v-if="data.silence" class="cb-hint">{{ data.silence }}</p>
      <template v-else>
        <div class="cb-plan-facts" :class="{ 'is-trial': moved, 'is-waiting': moved && waiting }" aria-live="polite">
          <div><span>begins</span><b>{{ shown.begins }}</b></div>
          <div><span>ready</span><b>{{ shown.ready }}</b></div>
          <div><span>energy</span><b>{{ shown.energy }}</b></div>
          <div><span>costs</span><b>{{ shown.cost }}</b></div>
        </div>
        <svg ref="chart" class="cb-plan-chart" :viewBox="'0 0 ${W} ${H}'" @pointermove="move" @pointerup="end" @pointercancel="end">
          <g aria-hidden="true">
            <line v-for="t in ticks" :key="t.at" :x1="t.x" :x2="t.x" y1="${TOP}" y2="${H - BOTTOM}" class="cb-plan-tick" />
            <rect v-for="b in bars" :key="b.key" :x="b.x" :width="b.w" :y="${H - BOTTOM} - b.h" :height="b.h" :class="b.back ? 'is-back' : 'is-car'" />
            <path :d="line" class="cb-plan-price" />
            <line x1="${LEFT}" x2="${W - RIGHT}" y1="${H - BOTTOM}" y2="${H - BOTTOM}" class="cb-plan-base" />
            <text v-for="t in ticks" :key="'t' + t.at" :x="t.x" y="${H - 12}" class="cb-plan-text">{{ t.text }}</text>
            <text x="${W - RIGHT}" :y="py(top) - 5" class="cb-plan-text is-price">up to {{ shown.top_price }}</text>
          </g>
          <g v-if="leave" class="cb-plan-leave" :class="{ 'is-unsaid': !data.leaves && leaves === null }" role="slider" tabindex="0" aria-label="When you leave"
             :aria-valuetext="when" :aria-valuenow="Math.round((leave - data.now) / 60000)" aria-valuemin="0" :aria-valuemax="Math.round(width / 60000)"
             :transform="'translate(' + x(leave) + ' 0)'" @pointerdown="begin" @keydown="press">
            <rect x="-22" y="0" width="44" height="${H}" fill="transparent" />
            <line y1="${TOP - 4}" y2="${H - BOTTOM}" />
            <circle cy="${H - BOTTOM}" r="9" />
            <text y="16" :text-anchor="x(leave) > ${W} - 80 ? 'end' : x(leave) < 80 ? 'start' : 'middle'">{{ data.leaves || leaves !== null ? 'leave ' + when : 'drag: when do you leave?' }}</text>
          </g>
        </svg>
        <label class="cb-plan-energy"><span>I need <b>{{ Number(need).toFixed(0) }} kWh</b> since plugging in<template v-if="data.has_kwh >= 0.1">, {{ data.has_kwh.toFixed(1) }} of them charged</template></span>
          <input type="range" :min="Math.ceil(data.has_kwh)" :max="data.most_kwh" step="1" :value="need" @input="energy" aria-label="Energy that I need" />
        </label>
        <p class="cb-plan-said" v-if="moved && data.trial"><b v-if="data.trial.more">{{ data.trial.more }}</b> {{ data.trial.sentence }}</p>
        <p class="cb-plan-said" v-else>{{ data.plan.sentence }}</p>
        <div class="cb-plan-buttons" v-if="moved">
          <q-btn unelevated no-caps color="primary" label="Do it so" @click="take" /><q-btn flat no-caps label="Back" @click="back" />
        </div>
      </template>
    </section>`,
};
