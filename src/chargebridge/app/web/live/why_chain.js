// All bounds that were looked at for one point, each with what it left over: the shortest bar decides.
export default {
  props: { data: Object },
  template: `
    <div class="cb-detail">
      <div class="cb-detail-now">
        <div><b>{{ data.power }}</b><span>now</span></div>
        <div><b>{{ data.energy }}</b><span>charged<template v-if="data.soc">, {{ data.soc }} full</template></span></div>
        <div><b>{{ data.finish || '–' }}</b><span>{{ data.finish_text || 'no finish time' }}</span></div>
      </div>
      <p class="cb-why is-large" :class="'is-' + data.tone"><b v-if="data.cause">{{ data.cause }}</b>{{ data.why }}</p>
      <slot></slot>
      <h3>How this current came about</h3>
      <p v-if="!data.chain.length" class="cb-empty">Nothing had to be weighed: no car asks for current here.</p>
      <ol v-else class="cb-chain">
        <li v-for="(step, i) in data.chain" :key="i" :class="{ 'is-binding': step.binding }">
          <div class="cb-step-head"><b>{{ step.where }}</b><span v-if="step.source" class="cb-tag">{{ step.source }}</span>
            <span v-if="step.phase" class="cb-tag">{{ step.phase }}</span><span v-if="step.binding" class="cb-tag is-binding">this decides</span></div>
          <p>{{ step.text }}</p>
          <p v-if="step.sum" class="cb-step-sum">{{ step.sum }}</p>
          <div class="cb-step-bar"><span><i :style="{ width: 100 * step.fill + '%' }"></i></span><b>{{ step.allowed }}</b></div>
        </li>
      </ol>
      <dl class="cb-facts"><template v-for="fact in data.facts" :key="fact[0]"><dt>{{ fact[0] }}</dt><dd>{{ fact[1] }}</dd></template></dl>
    </div>`,
};
