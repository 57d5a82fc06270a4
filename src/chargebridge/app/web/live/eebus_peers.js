// Our peers as cards: what each is, where we stand, what to do next, and the few things that can be done.
export default {
  props: { data: Array },
  emits: ["act"],
  data: () => ({ open: {} }),
  template: `
    <p v-if="!data.length" class="cb-empty">No EEBUS device is known yet. Those that announce themselves on the network appear here by themselves.</p>
    <ul v-else class="cb-peers">
      <li v-for="p in data" :key="p.ski" :class="{ 'is-asking': p.asks }" :data-peer="p.ski">
        <div class="cb-peer-head">
          <q-icon :name="p.icon" aria-hidden="true" />
          <p><b>{{ p.name }}</b><small>{{ p.kind }}</small></p>
          <span class="cb-chip" :class="'is-' + p.level">{{ p.phase }}</span>
        </div>
        <p class="cb-ski"><span>SKI</span> <span class="cb-ski-groups">{{ p.written }}</span></p>
        <p v-if="p.trouble" class="cb-peer-trouble"><b>{{ p.trouble }}</b> <template v-if="!p.advice">{{ p.cure }} </template><small>{{ p.troubled }}</small></p>
        <p v-if="p.advice" class="cb-peer-advice"><q-icon name="arrow_forward" aria-hidden="true" /> {{ p.advice }}</p>
        <dl v-if="open[p.ski]" class="cb-eebus-facts"><template v-for="f in p.facts" :key="f[0]"><dt>{{ f[0] }}</dt><dd>{{ f[1] }}</dd></template></dl>
        <p class="cb-peer-buttons">
          <button v-if="p.asks" type="button" class="cb-solid" @click="$emit('act', 'confirm ' + p.ski)">Confirm</button>
          <button v-if="p.asks" type="button" class="cb-plain is-danger" @click="$emit('act', 'refuse ' + p.ski)">Refuse</button>
          <button v-if="p.pairable" type="button" class="cb-plain" @click="$emit('act', 'pair ' + p.ski)">Pair</button>
          <button v-if="p.facts.length" type="button" class="cb-plain" :aria-expanded="!!open[p.ski]" @click="open[p.ski] = !open[p.ski]">{{ open[p.ski] ? "Less" : "Details" }}</button>
          <button type="button" class="cb-plain" @click="$emit('act', 'trace ' + p.ski)">Trace</button>
          <button v-if="p.unpairable" type="button" class="cb-plain is-danger" @click="$emit('act', 'unpair ' + p.ski)">Unpair</button>
        </p>
      </li>
    </ul>`,
};
