// The last charging sessions.
export default {
  props: { data: Array },
  template: `
    <p v-if="!data.length" class="cb-empty">No car has charged here yet.</p>
    <table v-else class="cb-sessions">
      <thead><tr><th>Point</th><th>Begin</th><th>End</th><th class="is-number">Energy</th><th class="cb-wide">Card</th><th v-if="data.some(s => s.proof_page)">Proof</th></tr></thead>
      <tbody>
        <tr v-for="s in data" :key="s.id">
          <td>{{ s.point }}</td><td>{{ s.began }}</td><td :title="s.reason">{{ s.ended }}</td><td class="is-number">{{ s.energy }}</td>
          <td class="cb-wide">{{ s.token }}</td>
          <td v-if="data.some(d => d.proof_page)"><a v-if="s.proof" :href="s.proof_page" :title="s.proof_reason">{{ s.proof }}</a></td>
        </tr>
      </tbody>
    </table>`,
};
