package discordload

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// ofWebhooks returns trials with webhooks and interactions.
func ofWebhooks(channels []string) []trial {
	const tokens, answers = 3, 12 // five in two seconds to each interaction
	late := make([]line, tokens)
	for i := range late {
		interaction := message(0, i)
		late[i] = line{n: answers, call: func(c Calls, n int) error {
			return c.FollowUp(channels[0], token(interaction), text(interaction, n))
		}, by: 5 * time.Second}
	}
	return []trial{
		{ // Discord counts them if they come with the bot's token, or so it was seen.
			name:    "answers to interactions while the global limit is used up",
			options: discordtest.Options{GlobalInteractions: true, InteractionAges: true},
			lines: slices.Concat(
				later(sending(Channels(60), 10, 13*time.Second), 8*time.Second), answering(10, 20), late,
			),
		},
		{ // They are held back for 1, 2, 4, 8 and 16 s.
			name:    "a webhook that was deleted",
			options: discordtest.Options{Gone: func(webhook string) bool { return webhook == channels[0] }},
			lines: append(later([]line{hooking(hook, channels[0], 6, 33*time.Second)}, 31*time.Second),
				hooking(hook, channels[1], 12, 5*time.Second)),
			failed: 6, lost: 6, wrong: 6,
		},
		ofOneChannel("webhooks that share a limit", execute, channels),
		ofOneChannel("webhooks without a version that share a limit", hook, channels),
	}
}

// ofOneChannel has the webhooks of a channel send more than the channel lets all of them send, 30 a minute.
func ofOneChannel(name string, how func(Calls, string, string, string) error, hooks []string) trial {
	tr := trial{
		name:    name,
		options: discordtest.Options{WebhookChannel: func(string) string { return "1" }},
		refused: len(hooks), // of each, what is on its way
	}
	for _, id := range hooks {
		tr.lines = append(tr.lines, hooking(how, id, 16, 70*time.Second))
	}
	tr.lines = later(tr.lines, time.Minute)
	return tr
}

func hook(c Calls, id, token, text string) error { return c.Hook(id, token, text) }

func execute(c Calls, id, token, text string) error { return c.Execute(id, token, text) }

// hooking is a line of a webhook.
func hooking(how func(c Calls, id, token, text string) error, id string, n int, by time.Duration) line {
	return line{n: n, call: func(c Calls, i int) error { return how(c, id, "secret", text("hook "+id, i)) }, by: by}
}

// token is the token of an interaction.
func token(interaction string) string {
	return base64.RawStdEncoding.EncodeToString([]byte("interaction:" + interaction + ":secret"))
}

// answering is lines of first answers to interactions, each n one after the other, none of which waits for anything.
func answering(lines, n int) []line {
	answers := make([]line, lines)
	for l := range answers {
		answers[l] = line{n: n, call: func(c Calls, i int) error {
			interaction := message(0, i+l*n) // made now
			return c.Respond(interaction, token(interaction))
		}, by: time.Duration(n) * roundTrip}
	}
	return answers
}
