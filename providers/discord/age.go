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
)

// Messages are young below one age, and old above the other.
const (
	youngBelow = 10 * time.Second
	oldAbove   = 14 * 24 * time.Hour
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

// epoch is where the time of IDs begins, in milliseconds: https://discord.com/developers/docs/reference#snowflakes
const epoch = 1420070400000

// created returns when what has an ID was made. It reports false if that is none.
func created(id string) (time.Time, bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	return time.UnixMilli(epoch + int64(n>>22)), err == nil
}
