package slacktest

import "time"

// What the tiers allow in a minute, without the bursts that Slack adds and does not tell:
// https://docs.slack.dev/apis/web-api/rate-limits
const (
	tier1, tier2, tier3, tier4 = 1, 20, 50, 100

	// "Hundreds" a minute, as https://docs.slack.dev/reference/methods/auth.test has it.
	special = 600
	// "Several hundred" messages a minute in a workspace: https://docs.slack.dev/reference/methods/chat.postMessage
	workspacePerMinute = 300
	// One message a second in a channel, or by a webhook: https://docs.slack.dev/apis/web-api/rate-limits
	postPeriod = time.Second
	// Runs a minute that a webhook may trigger of a workflow: https://docs.slack.dev/apis/web-api/rate-limits
	triggersPerMinute = 10
)

// methods has the quotas of some methods, each from its page below https://docs.slack.dev/reference/methods; the rest
// is held to tier 2.
var methods = map[string]int{
	"api.test":                     special,
	"apps.connections.open":        tier3,
	"auth.test":                    special,
	"bots.info":                    tier3,
	"chat.appendStream":            tier4,
	"chat.delete":                  tier3,
	"chat.getPermalink":            special,
	"chat.meMessage":               tier3,
	"chat.postEphemeral":           tier4,
	"chat.postMessage":             -1, // it has the limits on posting alone
	"chat.scheduleMessage":         tier3,
	"chat.unfurl":                  tier3,
	"chat.update":                  tier3,
	"conversations.history":        tier3,
	"conversations.info":           tier3,
	"conversations.invite":         tier3,
	"conversations.join":           tier3,
	"conversations.members":        tier4,
	"conversations.open":           tier3,
	"conversations.replies":        tier3,
	"files.completeUploadExternal": tier4,
	"files.getUploadURLExternal":   tier4,
	"files.info":                   tier4,
	"files.list":                   tier3,
	"oauth.v2.access":              special,
	"reactions.add":                tier3,
	"reactions.get":                tier3,
	"rtm.connect":                  tier1,
	"rtm.start":                    tier1,
	"team.info":                    tier3,
	"users.conversations":          tier3,
	"users.info":                   tier4,
	"users.lookupByEmail":          tier3,
	"users.profile.get":            tier4,
	"views.open":                   tier4,
	"views.publish":                tier4,
	"views.push":                   tier4,
	"views.update":                 tier4,
}

// posts are the methods that show a new message in a channel.
var posts = map[string]bool{
	"chat.meMessage": true, "chat.postEphemeral": true, "chat.postMessage": true, "chat.startStream": true,
}

// public are the methods that need no token.
var public = map[string]bool{"api.test": true, "oauth.v2.access": true}

// perMinute returns how many requests a minute a method allows; less than 0: no limit.
func (a *api) perMinute(method string) int {
	if n, ok := a.opts.Limits[method]; ok {
		return n
	}
	if n, ok := methods[method]; ok {
		return n
	}
	return tier2
}
