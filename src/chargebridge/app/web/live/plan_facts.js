// What the plan costs and saves, and what it has each car do.
export default {
  props: { data: Object },
  template: `
    <div class="cb-plan-owner">
      <p v-if="data.silence" class="cb-hint">{{ data.silence }}</p>
      <div v-if="data.figures" class="cb-plan-figures">
        <div v-for="figure in data.figures" :key="figure.name" :class="{ 'is-good': figure.good }"><b>{{ figure.value }}</b><span>{{ figure.name }}</span></div>
      </div>
      <ul v-if="data.cars && data.cars.length" class="cb-plan-cars">
        <li v-for="car in data.cars" :key="car.point" :class="{ 'is-missing': car.missing }">
          <b>{{ car.name }}</b><span>{{ car.sentence }}</span><em>{{ car.leaves }}</em><b class="cb-plan-cost">{{ car.cost }}</b>
        </li>
      </ul>
      <p v-if="data.others" class="cb-hint">{{ data.others }}</p>
      <p v-for="text in data.bent" :key="text" class="cb-plan-bent"><q-icon name="warning" aria-hidden="true" /> {{ text }}</p>
      <p v-if="data.foot" class="cb-hint">{{ data.foot }}</p>
    </div>`,
};
