// A card for each charging point; a tap opens its sheet.
export default {
  props: { data: Array },
  emits: ["open"],
  template: `
    <p v-if="!data.length" class="cb-empty">No charging point is configured yet.</p>
    <div v-else class="cb-cards">
      <article v-for="p in data" :key="p.id" class="cb-card" :class="['has-' + p.key, { 'is-empty': !p.occupied }]" :data-point="p.id">
        <button class="cb-card-open" type="button" @click="$emit('open', p.id)" :aria-label="'Why, and more about ' + p.name"></button>
        <div class="cb-card-head">
          <h3>{{ p.name }}</h3>
          <q-icon v-if="p.priority > 0" name="star" class="cb-star" :title="'priority ' + p.priority" :aria-label="'priority ' + p.priority" />
          <span class="cb-chip" :class="'is-' + p.key">{{ p.status }}</span>
        </div>
        <p v-if="p.error" class="cb-error">{{ p.error }}</p>
        <template v-if="p.occupied">
          <div class="cb-card-main">
            <b class="cb-power">{{ p.power }}</b>
            <div class="cb-minis" role="img" :aria-label="p.phases.filter(f => f.wired).map(f => f.label + ' ' + f.text).join(', ')">
              <span v-for="f in p.phases" :key="f.label" class="cb-mini" :class="{ 'is-unwired': !f.wired }" :title="f.label + ' ' + f.text">
                <span><i v-if="f.offer" class="is-offer" :style="{ height: 100 * f.offer + '%' }"></i><i class="is-draw" :style="{ height: 100 * f.fill + '%' }"></i></span>{{ f.label }}
              </span>
            </div>
          </div>
          <p class="cb-card-facts"><span>{{ p.offered }}</span><span>{{ p.energy }}<template v-if="p.soc"> · {{ p.soc }}</template></span></p>
          <p class="cb-finish"><q-icon name="schedule" aria-hidden="true" /> <b v-if="p.finish">{{ p.finish }}</b> {{ p.finish_text }}</p>
        </template>
        <q-icon v-else name="power" class="cb-vacant" aria-hidden="true" />
        <p class="cb-why" :class="'is-' + p.tone"><b v-if="p.cause">{{ p.cause }}</b>{{ p.why }}</p>
      </article>
    </div>`,
};
