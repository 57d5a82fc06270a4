// What all cars together wish, need at least and may draw, with the reason in one sentence.
export default {
  props: { data: Object },
  template: `
    <div class="cb-grant">
      <p class="cb-sentence">{{ data.sentence || 'Nothing decided yet.' }}</p>
      <div v-if="data.grant.any" class="cb-grant-bar" role="img"
           :aria-label="'Cars are granted ' + data.grant.granted_text + ' of ' + data.grant.wished_text + ' wished, ' + data.grant.needed_text + ' needed'">
        <div class="cb-grant-fill" :style="{ width: 100 * data.grant.granted + '%' }"></div>
        <div class="cb-grant-need" :style="{ left: 100 * data.grant.needed + '%' }"></div>
      </div>
      <p v-if="data.grant.any" class="cb-grant-words">
        <span><b>{{ data.grant.granted_text }}</b> granted</span>
        <span>{{ data.grant.needed_text }} needed</span>
        <span>{{ data.grant.wished_text }} wished</span>
      </p>
    </div>`,
};
