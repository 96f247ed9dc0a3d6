// Sends what a server would, with Segment's own library for Node: node send.cjs HOST KEY KIND. Prints what failed.
const { Analytics } = require(process.env.MODULES + "/node_modules/@segment/analytics-node");
const [host, writeKey, kind] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, flushAt: 50, flushInterval: 50 });
const failed = [];
analytics.on("error", (error) => failed.push(String(error.reason ?? error.code)));

if (kind === "calls") {
  analytics.page({ anonymousId: "visitor-1", name: "Pricing", properties: { path: "/pricing" } });
  analytics.identify({ userId: "crm-1", anonymousId: "visitor-1", traits: { email: "robin@orchard.example" } });
  analytics.track({ userId: "crm-1", event: "Demo Watched", properties: { percent: 90 } });
  analytics.screen({ userId: "crm-1", name: "Pricing" });
  analytics.group({ userId: "crm-1", groupId: "acc-77", traits: { name: "Orchard" } });
  analytics.alias({ userId: "crm-1", previousId: "visitor-0" });
} else {
  for (let n = 0; n < 150; n++) analytics.track({ userId: "crm-1", event: `E${n}` });
}
analytics.closeAndFlush({ timeout: 60000 }).then(() => console.log(JSON.stringify(failed)));
