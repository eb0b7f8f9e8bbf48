package slacktest

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// What an unknown method is held to, as those of tier 2: https://docs.slack.dev/apis/web-api/rate-limits
	unknownPerMinute = 20
	// "Several hundred" messages a minute in a workspace: https://docs.slack.dev/reference/methods/chat.postMessage
	workspacePerMinute = 300
	// One message a second in a channel, or by a webhook: https://docs.slack.dev/apis/web-api/rate-limits
	postPeriod = time.Second
	// Runs a minute that a webhook may trigger of a workflow: https://docs.slack.dev/apis/web-api/rate-limits
	triggersPerMinute = 10
	// How often, and for how long, a response_url may be used:
	// https://docs.slack.dev/interactivity/handling-user-interaction
	responses       = 5
	responsesWithin = 30 * time.Minute
	// By https://docs.slack.dev/reference/methods/users.profile.set: of one user, and of all users together.
	profilePerMinute, profilesPerMinute = 10, 30
	// Searches of a user a minute: https://docs.slack.dev/reference/methods/assistant.search.context
	searchesPerMinute = 10
	// Messages that may be scheduled for one channel and any five minutes, which is taken for the five minutes of the
	// clock here: https://docs.slack.dev/reference/methods/chat.scheduleMessage
	scheduled       = 30
	scheduledWithin = 5 * 60 // s
	// The burst of https://docs.slack.dev/reference/methods/admin.analytics.messages.metadata
	analyticsBurst = 2000
	// Calls a minute of the Audit Logs API: https://docs.slack.dev/reference/audit-logs-api/methods-actions-reference
	auditPerMinute = 50
)

//go:embed methods.csv
var methodsCSV string

// methods has how many calls a minute each method allows; -1: it has the limits on posting alone.
var methods = sync.OnceValue(func() map[string]int {
	all := map[string]int{}
	for line := range strings.Lines(methodsCSV) {
		method, number, _ := strings.Cut(strings.TrimSpace(line), ",")
		if n, err := strconv.Atoi(number); err == nil {
			all[method] = n
		}
	}
	return all
})

// posts are the methods that show a new message in a channel; those of files do if they name one.
var posts = map[string]bool{
	"chat.meMessage": true, "chat.postEphemeral": true, "chat.postMessage": true, "chat.startStream": true,
	"files.completeUploadExternal": true, "files.remote.share": true, "files.upload": true,
}

// public are the methods that need no token.
var public = map[string]bool{
	"api.test": true, "oauth.access": true, "oauth.v2.access": true, "oauth.v2.exchange": true, "openid.connect.token": true,
}

// limit returns how many calls a minute a method allows, less than 0 if any, and how many of them at once, 0 if all.
func (a *api) limit(method string) (perMinute, burst int) {
	perMinute, ok := a.opts.Limits[method]
	switch {
	case ok:
	case a.opts.NonMarketplace && (method == "conversations.history" || method == "conversations.replies"):
		perMinute = 1
	default:
		if perMinute, ok = methods()[method]; !ok {
			perMinute = unknownPerMinute
		}
		if method == "admin.analytics.messages.metadata" {
			burst = analyticsBurst
		}
	}
	if a.opts.Burst != nil {
		burst = a.opts.Burst(method, perMinute)
	}
	return perMinute, burst
}

// draws returns the limits on a call, the most particular first.
func (a *api) draws(method string, who caller, channels []string, target string) []draw {
	var draws []draw
	if posts[method] {
		for _, channel := range channels {
			draws = append(draws, a.messages("post "+who.install+" "+channel))
		}
	}
	posting := len(draws) > 0
	bucket := strings.TrimSpace(method + " " + who.install)
	ofUser := func(suffix string, n int) {
		draws = append(draws, a.perMinute(bucket+" user "+who.user+suffix, n, 0))
	}
	switch method {
	case "users.profile.set":
		if target != "" {
			ofUser(" "+target, profilePerMinute)
		}
		ofUser("", profilesPerMinute)
	case "assistant.search.context":
		ofUser("", searchesPerMinute)
	}
	if n, burst := a.limit(method); n >= 0 || !posting {
		draws = append(draws, a.perMinute(bucket, n, burst))
	}
	if posting {
		draws = append(draws, a.workspace(who.install))
	}
	return draws
}

// workspace is the limit on all messages of an installation.
func (a *api) workspace(install string) draw {
	n, burst := a.opts.WorkspacePerMinute, 0
	if a.opts.Burst != nil {
		burst = a.opts.Burst("post", n)
	}
	return a.perMinute("post "+install, n, burst)
}
