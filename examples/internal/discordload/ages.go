package discordload

import (
	"strconv"
	"time"

	"github.com/underlimit/underlimit/providers/discord/discordtest"
)

// Ages of messages that limits tell apart.
const (
	aMinute = time.Minute
	aDay    = 24 * time.Hour
	aMonth  = 30 * aDay
)

const deletion = "DELETE /channels/{channel}/messages/{message}"

// message is the id of the i-th message that was made so long ago.
func message(age time.Duration, i int) string {
	const epoch = 1420070400000 // https://docs.discord.com/developers/reference#snowflakes
	return strconv.FormatInt((time.Now().Add(-age).UnixMilli()-epoch)<<22|int64(i), 10)
}

// ofAges returns trials with limits that depend on how old a message is.
func ofAges(channels []string, alone bool) []trial {
	deleting := func(channel int, age time.Duration, n int, by time.Duration) line {
		if !alone {
			channel = 0
		}
		ids := make([]string, n)
		for i := range ids {
			ids[i] = message(age, i)
		}
		return line{n: n, call: func(c Calls, i int) error { return c.Delete(channels[channel], ids[i]) }, by: by}
	}
	editing := func(channel int, age time.Duration, n int, by time.Duration) line {
		if !alone {
			channel = 0
		}
		id := message(age, 0)
		return line{n: n, call: func(c Calls, i int) error { return c.Edit(channels[channel], id, text(id, i)) }, by: by}
	}
	return []trial{
		{ // 5 young ones in 1 s, 30 old ones in 4 s, and 3 of the others in 1/3 s.
			name:    "deletions of messages of all ages",
			options: discordtest.Options{DeletionAges: true},
			lines: []line{
				deleting(0, 0, 20, 4*time.Second),
				deleting(1, aDay, 60, 7*time.Second),
				deleting(2, aMonth, 90, 12*time.Second),
			},
		},
		{ // The old ones count with the young ones, too: 5 in 1 s.
			name: "deletions that a second limit refuses",
			options: discordtest.Options{DeletionAges: true, Limits: map[string]discordtest.Limit{
				deletion + " young":    {N: 5, Window: time.Second, Hash: "young"},
				deletion + " old also": {N: 5, Window: time.Second, Hash: "young", Counter: "young"},
			}},
			lines:   []line{deleting(0, aMonth, 60, 13*time.Second)},
			refused: 1,
		},
		{ // 3 old ones in 20 s, and 10 of all in 10 s.
			name:    "edits of messages that are old",
			options: discordtest.Options{OldEdits: true},
			lines: []line{
				editing(0, aDay, 9, 42*time.Second),
				editing(1, aMinute, 24, 32*time.Second),
			},
			refused: 1,
		},
	}
}
