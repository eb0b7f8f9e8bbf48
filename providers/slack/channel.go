package slack

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

type channelKey struct{}

// WithChannel returns a context whose requests are taken to post to the channel of that ID, whatever they say
// themselves. It helps where a body can be read but once, or is of a form that is not understood.
func WithChannel(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, channelKey{}, id)
}

func contextChannel(ctx context.Context) string {
	id, _ := ctx.Value(channelKey{}).(string)
	return id
}

const (
	// maxChannels is how many channels of one call are paced. Only files are shared to several at once, and to few.
	maxChannels = 20
	// maxChannel is longer than any channel's ID or name.
	maxChannel = 128
)

// validChannel says whether s can name a channel, and so be shown.
func validChannel(s string) bool {
	return s != "" && len(s) <= maxChannel && utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
