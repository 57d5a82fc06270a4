// A charge point by npm `ocpp-rpc` in its strict mode, steered over standard input and output, one JSON object a line.
//
//   node station.cjs PACKAGE ENDPOINT IDENTITY PASSWORD VERSION
//   in:  {"n": 1, "do": "open" | "drop" | "close"}, {"n": 2, "do": "call", "action", "payload"}, {"reply": 7, "payload"}, {"reply": 7, "code"}
//   out: {"n": 1, "value"}, {"n": 1, "error"}, {"ask": 7, "action", "payload"}, {"wrong": "what its strict mode found in our frames"}

const [packagePath, endpoint, identity, password, version] = process.argv.slice(2);
const { RPCClient, createRPCError, createValidator } = require(packagePath);

// The package looks for its 2.1 schemas under the names that the older ones have, and does not find them: they are given to it by those names.
const named = (schema) => ({ ...schema, $id: schema.$id.replace(/Request$/, ".req").replace(/Response$/, ".conf") });
const strictModeValidators = [createValidator("ocpp2.1", require(`${packagePath}/lib/schemas/ocpp2_1.json`).map(named))];

const tell = (thing) => process.stdout.write(JSON.stringify(thing) + "\n");
const asked = new Map();
let asks = 0;

const client = new RPCClient({ endpoint, identity, password, protocols: [version], strictMode: true, strictModeValidators, reconnect: false });
client.on("strictValidationFailure", (found) => tell({ wrong: `${found.method}: ${found.error.message}`, outbound: found.outbound }));
client.handle(
  ({ method, params }) =>
    new Promise((resolve, reject) => {
      asks += 1;
      asked.set(asks, { resolve, reject });
      tell({ ask: asks, action: method, payload: params });
    }),
);

const jobs = {
  open: async () => (await client.connect(), client.protocol),
  drop: async () => void client._ws.terminate(),
  close: async () => void (await client.close()),
  call: ({ action, payload }) => client.call(action, payload),
};

async function obey(order) {
  if (order.reply !== undefined) {
    const waiting = asked.get(order.reply);
    asked.delete(order.reply);
    if (order.code) waiting.reject(createRPCError(order.code));
    else waiting.resolve(order.payload);
    return;
  }
  try {
    tell({ n: order.n, value: (await jobs[order.do](order)) ?? {} });
  } catch (error) {
    tell({ n: order.n, error: `${error.rpcErrorCode ?? error.name}: ${error.message}` });
  }
}

require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => void obey(JSON.parse(line))).on("close", () => process.exit());
