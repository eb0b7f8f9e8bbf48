package discord

import (
	"net/http"
	"strconv"
	"time"
)

// Deletions of messages are under one of three limits, by the age of the message. No page has them; each has a hash of
// its own: https://github.com/discord/discord-api-docs/issues/1295,
// https://github.com/discord/discord-api-docs/issues/8330
const (
	deletion      = http.MethodDelete + " " + message // the route, and the limit of those in between
	deletionYoung = deletion + " young"
	deletionOld   = deletion + " old"

	// Those of old messages were seen to be refused by the limit of young ones, too, of which only refusals tell.
	deletionOldToo = deletion + " old too"
)

// Messages are young below one age, and old above the other.
const (
	youngBelow = 10 * time.Second
	oldAbove   = 14 * 24 * time.Hour
)

// Edits of messages older than an hour are under a further limit, which only its refusals show, by their code:
// https://discord.com/developers/docs/topics/opcodes-and-status-codes#json,
// https://github.com/discord/discord-api-docs/issues/4413
const (
	edit         = http.MethodPatch + " " + message
	editOld      = edit + " old" // the limit
	editOldAbove = time.Hour
	codeEditOld  = "30046"
)

// deletionOf returns the limit that the deletion of a message is under. What is no ID is taken for young, as are
// messages from the future: what does not exist counts towards that limit, too.
func deletionOf(id string, now time.Time) string {
	at, ok := created(id)
	switch age := now.Sub(at); {
	case !ok || age < youngBelow:
		return deletionYoung
	case age > oldAbove:
		return deletionOld
	}
	return deletion
}

// mayEditOld says whether an edit is of a message that is older than an hour. One whose age cannot be told may be: it
// waits only if that limit has refused something.
func mayEditOld(id string, now time.Time) bool {
	at, ok := created(id)
	return !ok || now.Sub(at) > editOldAbove
}

// epoch is where the time of IDs begins, in milliseconds: https://discord.com/developers/docs/reference#snowflakes
const epoch = 1420070400000

// created returns when what has an ID was made. It reports false if that is none.
func created(id string) (time.Time, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	return time.UnixMilli(epoch + int64(n>>22)), err == nil
}
