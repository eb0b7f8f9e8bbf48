package slack

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

type channelKey struct{}

// WithChannel returns a context whose requests are taken to post to the channel of that ID, whatever they say
// themselves. It helps where a body can be read but once, or is of a form that is not understood; and for incoming
// webhooks, which share with the installation that [WithInstall] names what a channel allows.
func WithChannel(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, channelKey{}, id)
}

// toldChannel returns the channel that the user says a request posts to; "" if nothing.
func (p *Provider) toldChannel(req *http.Request) string {
	if id, _ := req.Context().Value(channelKey{}).(string); id != "" {
		return id
	}
	if p.channel != nil {
		return p.channel(req)
	}
	return ""
}

const (
	// maxChannels is how many channels of one call are paced. Only files are shared to several at once, and to few.
	maxChannels = 20
	// maxChannel is longer than any channel's ID or name.
	maxChannel = 128
)

// channelOf returns the name or ID of a channel as an argument has it, "#general" or "general"; "" if it can be of
// none, and so must not be shown.
func channelOf(s string) string {
	if validID(s) {
		return s // as nearly all are
	}
	s = strings.TrimSpace(s)
	if name, ok := strings.CutPrefix(s, "#"); ok && !isConversation(name) {
		s = name
	}
	if len(s) > maxChannel || !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0 {
		return ""
	}
	return s
}
