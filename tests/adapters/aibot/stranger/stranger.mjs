// Tencent's own client as a bot: answers words with a stream, pictures with a file, and says when it was kicked.
import { createRequire } from "node:module";

const [folder, wsUrl, botId, secret] = process.argv.slice(2);
const { WSClient } = createRequire(`${folder}/`)("@wecom/aibot-node-sdk");
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const client = new WSClient({ botId, secret, wsUrl, logger: quiet, reconnectInterval: 50, maxReconnectAttempts: 20 });

client.on("authenticated", () => console.log("authenticated"));
client.on("event.disconnected_event", () => { console.log("kicked"); process.exit(0); });
client.on("message.text", async (frame) => {
  const id = `stream-${frame.body.msgid}`;
  await client.replyStream(frame, id, "so far", false);
  await client.replyStream(frame, id, `heard ${frame.body.text.content}`, true);
});
client.on("message.image", async (frame) => {
  const { buffer, filename } = await client.downloadFile(frame.body.image.url, frame.body.image.aeskey);
  const { media_id: media } = await client.uploadMedia(buffer, { type: "file", filename: `back-${filename}` });
  await client.sendMediaMessage(frame.body.from.userid, "file", media);
});
client.connect();
