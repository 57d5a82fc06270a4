// Every fuse with its three phases: base load, cars, what is planned, the fuse and the tightest limit.
export default {
  props: { data: Array },
  emits: ["limit"],
  template: `
    <div class="cb-tree">
      <p class="cb-legend" aria-hidden="true">
        <span><i class="cb-key is-base"></i>house and others</span><span><i class="cb-key is-cars"></i>cars</span>
        <span><i class="cb-key is-planned"></i>planned</span><span><i class="cb-key is-limit"></i>limit</span><span><i class="cb-key is-fuse"></i>fuse</span>
      </p>
      <article v-for="node in data" :key="node.id" class="cb-node" :class="['is-' + node.level, { 'is-lost': node.lost }]"
               :style="{ '--depth': node.depth }" :data-node="node.id">
        <div class="cb-node-head">
          <h3>{{ node.name }}</h3>
          <span class="cb-fuse">{{ node.fuse }}</span>
          <span class="cb-node-power">{{ node.power }} {{ node.power_limit }}</span>
          <span class="cb-state" :class="'is-' + node.level">{{ node.state }}</span>
        </div>
        <div v-for="phase in node.phases" :key="phase.label" class="cb-phase" :class="'is-' + phase.level" role="img" :aria-label="phase.speech" :title="phase.speech">
          <span class="cb-phase-label">{{ phase.label }}</span>
          <span class="cb-bar">
            <i class="is-planned" :style="{ width: 100 * phase.planned + '%' }"></i>
            <i class="is-base" :style="{ width: 100 * phase.base + '%' }"></i>
            <i class="is-cars" :style="{ left: 100 * phase.base + '%', width: 100 * phase.cars + '%' }"></i>
            <i class="is-back" :style="{ width: 100 * phase.back + '%' }"></i>
            <i class="is-fuse" :style="{ left: 100 * phase.fuse + '%' }"></i>
            <i v-if="phase.limit !== null" class="is-limit" :style="{ left: 100 * phase.limit + '%' }"></i>
          </span>
          <span class="cb-phase-text"><b>{{ phase.text }}</b> / {{ phase.of }}</span>
        </div>
        <p class="cb-node-foot">
          <span><span class="cb-meter" :class="{ 'is-lost': node.lost }"><q-icon :name="node.lost ? 'sensors_off' : 'sensors'" aria-hidden="true" /> {{ node.meter }}</span>
          <span v-if="node.binding" class="cb-binding"><q-icon name="lock" aria-hidden="true" /> {{ node.binding }}</span></span>
          <button class="cb-plain" type="button" @click="$emit('limit', node.id)" :aria-label="'Limit ' + node.name">Limit</button>
        </p>
      </article>
    </div>`,
};
