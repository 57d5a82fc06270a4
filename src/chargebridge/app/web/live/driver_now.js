// The driver's charging, large: power, energy, when it is done, and why it is as it is.
export default {
  props: { data: Object },
  template: `
    <section class="cb-driver-now" aria-label="Charging now">
      <div class="cb-driver-head">
        <div><span>{{ data.site }}</span><h1>{{ data.name }}</h1></div>
        <span class="cb-chip" :class="'is-' + data.key">{{ data.status }}</span>
      </div>
      <p v-if="data.fault" class="cb-error" role="alert">{{ data.fault }}</p>
      <p v-if="data.error" class="cb-error">{{ data.error }}</p>
      <div class="cb-driver-power" :class="{ 'is-still': !data.flowing }">
        <svg viewBox="0 0 220 126" aria-hidden="true">
          <path d="M20 112A90 90 0 0 1 200 112" pathLength="100" class="cb-arc" />
          <path d="M20 112A90 90 0 0 1 200 112" pathLength="100" class="cb-arc is-offer" :stroke-dasharray="100 * data.offer + ' 200'" />
          <path d="M20 112A90 90 0 0 1 200 112" pathLength="100" class="cb-arc is-draw" :stroke-dasharray="100 * data.draw + ' 200'" />
        </svg>
        <b>{{ data.power }}</b><span>{{ data.offered }}</span>
      </div>
      <div class="cb-driver-facts">
        <div><q-icon name="bolt" aria-hidden="true" /><b>{{ data.energy }}</b><span>charged<template v-if="data.soc">, battery {{ data.soc }}</template></span></div>
        <div><q-icon name="schedule" aria-hidden="true" /><b>{{ data.finish || '–' }}</b><span>{{ data.finish_text || 'no finish time yet' }}</span></div>
      </div>
      <p class="cb-why is-large" :class="'is-' + data.tone"><b v-if="data.cause">{{ data.cause }}</b>{{ data.why }}</p>
    </section>`,
};
