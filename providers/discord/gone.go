package discord

import (
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/internal/field"
)

// codeUnknownWebhook says that a webhook was deleted. The other codes of a 404 are about something else, such as a
// message: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
const codeUnknownWebhook = "10015"

// gone blocks what an answer shows to be of no more use: a webhook that was deleted, or a bot whose token is refused.
// And it charges what Discord counts as invalid. To go on asking is what gets an address banned:
// https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
//
// That neither comes back is not sure, and so the blocks tell no length: one request goes to see after a second, the
// next after two, and at last one a minute.
func (x *exchange) gone() []bucket.Update {
	charge := bucket.Charge{Key: x.egress}
	switch x.answer.Status {
	case http.StatusForbidden:
		return []bucket.Update{charge}
	case http.StatusUnauthorized:
		// What has a token in its path has another credential than its Authorization, if any, and that was looked at.
		// A user's token may lack no more than the scope that this route asks for.
		if x.global != (bucket.Key{}) && x.path().token() == "" && isBot(field.Get(x.req.Header, "Authorization")) {
			return append(blocks(0, x.global), charge)
		}
		return []bucket.Update{charge}
	case http.StatusNotFound:
		if n, _ := readNotice(x.answer.Body); n.Code.is(codeUnknownWebhook) && x.path().webhook() {
			return blocks(0, x.route)
		}
	}
	return nil
}

// codeUnknownMessage says that a message does not exist.
const codeUnknownMessage = "10008"

// mistaken has the answer to the deletion of a message that is gone be one on the route of young messages, as Discord
// counts it: https://github.com/discord/discord-api-docs/issues/8330
func (x *exchange) mistaken() []bucket.Update {
	if x.answer.Status != http.StatusNotFound || x.route.Limit != deletion && x.route.Limit != deletionOld {
		return nil
	}
	if n, _ := readNotice(x.answer.Body); !n.Code.is(codeUnknownMessage) {
		return nil
	}
	us := x.spared()
	x.route.Limit = deletionYoung
	return us
}

// isBot says whether a credential is a bot's token, and not one that a user gave, with some scopes:
// https://discord.com/developers/docs/reference#authentication
func isBot(credential string) bool {
	scheme, _, _ := strings.Cut(credential, " ")
	return strings.EqualFold(scheme, "Bot")
}
