// The pairing window: open it, see it count down, shut it.
export default {
  props: { data: Object },
  emits: ["move"],
  template: `
    <div class="cb-window" :class="{ 'is-open': data.open }">
      <template v-if="data.open">
        <p role="timer"><b>{{ data.left }}</b> left to pair. Start pairing on the other device now; it then asks here.</p>
        <button type="button" class="cb-plain" @click="$emit('move', false)">Close</button>
      </template>
      <template v-else>
        <p>A device that is new may ask only while the pairing window is open, and in the first minute after a start.</p>
        <button type="button" class="cb-solid" @click="$emit('move', true)">Open for 3 minutes</button>
      </template>
    </div>`,
};
