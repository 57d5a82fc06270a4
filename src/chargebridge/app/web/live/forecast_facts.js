// What is expected of house and sun, how well it was told before, and where prices and weather come from.
export default {
  props: { data: Object },
  template: `
    <div class="cb-plan-owner">
      <p v-for="kind in data.kinds" :key="kind.name" class="cb-hint" :data-forecast="kind.name">
        <b>{{ kind.name }}: {{ kind.energy }}.</b> {{ kind.score }} {{ kind.why }}
      </p>
      <p v-if="data.drivers" class="cb-hint">{{ data.drivers }}</p>
      <p v-for="source in data.sources" :key="source.name" class="cb-hint">
        <b>{{ source.name }}</b>: {{ source.text }}. <span v-if="source.trouble" class="cb-plan-bent">{{ source.trouble }}</span>
      </p>
    </div>`,
};
