package discord

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
)

// codeUnknownWebhook says that a webhook was deleted. The other codes of a 404 are about something else, such as a
// message: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
const codeUnknownWebhook = "10015"

// codeCloudflare says that Cloudflare blocks the request: the same page.
const codeCloudflare = "40333"

// gone blocks what an answer shows to be of no more use: a webhook that was deleted, a token that is refused,
// or everything, where Cloudflare shuts us out.
// And it charges what Discord counts as invalid. To go on asking is what gets an address banned:
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
//
// That neither comes back is not sure, and so the blocks tell no length: one request goes to see after a second, the
// next after two, and at last one a minute.
func (x *exchange) gone() []bucket.Update {
	charge := bucket.Charge{Key: egressKey}
	switch x.answer.Status {
	case http.StatusForbidden:
		if wait, ok := x.shutOut(); ok {
			return append(blocks(wait, &egressKey), charge)
		}
		return []bucket.Update{charge}
	case http.StatusUnauthorized:
		// What has a token in its path has another credential than its Authorization, if any, and that was looked at.
		if x.global != nil && x.path().token() == "" && isToken(field.Get(x.req.Header, "Authorization")) {
			return append(blocks(0, x.global), charge)
		}
		return []bucket.Update{charge}
	case http.StatusNotFound:
		if n, _ := readNotice(x.answer.Body); n.Code.is(codeUnknownWebhook) && x.hook != nil {
			return blocks(0, x.hook)
		}
	}
	return nil
}

// codeUnknownMessage says that a message does not exist.
const codeUnknownMessage = "10008"

// mistaken has the answer to the deletion of a message that is gone be one on the route of young messages, as Discord
// counts it: https://github.com/discord/discord-api-docs/issues/8330
func (x *exchange) mistaken() []bucket.Update {
	if x.answer.Status != http.StatusNotFound || x.route == nil ||
		x.route.Limit != deletion && x.route.Limit != deletionOld {
		return nil
	}
	if n, _ := readNotice(x.answer.Body); !n.Code.is(codeUnknownMessage) {
		return nil
	}
	us := x.spared()
	young := *x.route
	young.Limit = deletionYoung
	x.route = &young
	return us
}

// isToken says whether a credential is a bot's token, or one that a user gave:
// https://discord.com/developers/docs/reference#authentication
func isToken(credential string) bool {
	scheme, _, _ := strings.Cut(credential, " ")
	return strings.EqualFold(scheme, "Bot") || strings.EqualFold(scheme, "Bearer")
}

// shutOut says whether a 403 is not Discord's own but of Cloudflare before it, which refuses our address, or what we say
// that we are; and for how long, 0 if it does not tell. Discord's own are JSON.
func (x *exchange) shutOut() (time.Duration, bool) {
	body, isObject := readNotice(x.answer.Body)
	page := bytes.TrimLeft(x.answer.Body, " \t\r\n")
	if !body.Code.is(codeCloudflare) && (isObject || len(page) == 0 || page[0] == '{') {
		return 0, false
	}
	return x.wait(body, time.Second), true
}
