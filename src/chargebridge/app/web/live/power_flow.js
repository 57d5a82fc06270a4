// Who gives and who takes: ribbons as wide as their watts run from the left parties to the main board and on to the right ones.
const BOX = 74, GAP = 16, WIDEST = 34, THINNEST = 3;

export default {
  props: { data: Object },
  data: () => ({ width: 0 }),
  mounted() {
    this.observer = new ResizeObserver(() => (this.width = this.$el.clientWidth));
    this.observer.observe(this.$el);
    this.width = this.$el.clientWidth;
  },
  unmounted() {
    this.observer.disconnect();
  },
  computed: {
    narrow() {
      return this.width < 520;
    },
    box() {
      return Math.max(118, Math.min(220, this.width * 0.31));
    },
    height() {
      return this.sides.left.length * (BOX + GAP) - GAP;
    },
    sides() {
      const parties = this.data.parties;
      return { left: parties.filter((p) => p.side === "left"), right: parties.filter((p) => p.side === "right") };
    },
    scale() {
      const sum = (inward) => this.data.parties.reduce((s, p) => s + (p.inward === inward ? p.watts : 0), 0);
      return (WIDEST * 1.6) / Math.max(sum(true), sum(false), 3000);
    },
    placed() {
      const placed = [];
      for (const side of ["left", "right"]) {
        const parties = this.sides[side];
        const pitch = side === "left" ? BOX + GAP : (this.height - BOX) / Math.max(parties.length - 1, 1);
        const widths = parties.map((p) => (p.watts ? Math.max(THINNEST, p.watts * this.scale) : 0));
        const gap = 3;
        let at = this.height / 2 - (widths.reduce((a, b) => a + b, 0) + gap * (parties.length - 1)) / 2;
        parties.forEach((party, i) => {
          const top = parties.length === 1 ? (this.height - BOX) / 2 : i * pitch;
          placed.push({ ...party, top, ribbon: this.ribbon(side, top + BOX / 2, at + widths[i] / 2), thick: widths[i] });
          at += widths[i] + gap;
        });
      }
      return placed;
    },
    board() {
      const span = ["left", "right"].map((side) => {
        const parties = this.sides[side];
        return parties.reduce((s, p) => s + (p.watts ? Math.max(THINNEST, p.watts * this.scale) : 0), 3 * (parties.length - 1));
      });
      const tall = Math.max(...span, 44) + 14;
      return { x: this.width / 2 - 5, y: this.height / 2 - tall / 2, tall };
    },
  },
  methods: {
    // A path from the box to the board, and the arrow in its middle.
    ribbon(side, boxY, boardY) {
      const from = side === "left" ? this.box : this.width - this.box;
      const to = this.width / 2 + (side === "left" ? -5 : 5);
      const middle = (from + to) / 2;
      return { path: `M${from} ${boxY}C${middle} ${boxY} ${middle} ${boardY} ${to} ${boardY}`, x: middle, y: (boxY + boardY) / 2 };
    },
    arrow(party) {
      const right = (party.side === "left") === party.inward;
      const size = Math.max(5, Math.min(9, party.thick * 0.42));
      const { x, y } = party.ribbon;
      const tip = right ? size : -size;
      return `M${x - tip * 0.7} ${y - size}L${x + tip} ${y}L${x - tip * 0.7} ${y + size}z`;
    },
  },
  template: `
    <div class="cb-flow" :style="{ height: height + 'px' }" role="group" aria-label="Power flow">
      <svg v-if="width" :width="width" :height="height" aria-hidden="true">
        <g v-for="p in placed" :key="p.key" :class="['cb-ribbon', 'of-' + p.key, { 'is-still': !p.watts }]">
          <path :d="p.ribbon.path" class="cb-ribbon-body" :stroke-width="p.thick || 2" />
          <path v-if="p.watts" :d="p.ribbon.path" class="cb-ribbon-run" :class="{ 'is-back': !p.inward }"
                :stroke-width="Math.max(1.6, Math.min(5, p.thick * 0.3))" />
          <path v-if="p.watts" :d="arrow(p)" class="cb-ribbon-arrow" />
        </g>
        <rect :x="board.x" :y="board.y" width="10" :height="board.tall" rx="5" class="cb-board" />
      </svg>
      <div v-for="p in placed" :key="p.key" class="cb-party" :class="['of-' + p.key, { 'is-unknown': !p.known, 'is-narrow': narrow }]"
           :style="{ top: p.top + 'px', width: box + 'px', [p.side]: 0 }" :data-party="p.key">
        <q-icon v-if="!narrow" :name="p.icon" aria-hidden="true" />
        <div>
          <span class="cb-party-label"><q-icon v-if="narrow" :name="p.icon" aria-hidden="true" />{{ p.label }}</span>
          <b>{{ p.text }}</b>
          <span class="cb-party-word">{{ p.word }}</span>
        </div>
      </div>
    </div>`,
};
