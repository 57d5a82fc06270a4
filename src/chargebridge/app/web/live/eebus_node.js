// Who we are to other devices: the SKI to compare, its QR code, and what stands behind.
export default {
  props: { data: Object },
  emits: ["secret"],
  template: `
    <div class="cb-eebus-node">
      <div class="cb-qr" v-html="data.qr"></div>
      <div>
        <p class="cb-node-ski"><span>Our SKI</span><b class="cb-ski-groups">{{ data.ski }}</b></p>
        <p class="cb-hint">Other devices know us by it: compare it with what they show, or scan the code.</p>
        <button v-if="data.secret" type="button" class="cb-plain" @click="$emit('secret')">Code for a control box</button>
      </div>
    </div>
    <dl class="cb-eebus-facts"><template v-for="f in data.facts" :key="f[0]"><dt>{{ f[0] }}</dt><dd>{{ f[1] }}</dd></template></dl>`,
};
