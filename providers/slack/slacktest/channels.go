package slacktest

import (
	"net/url"
	"strings"
)

// channel returns the ID of a channel, however it is written: "#general" is "general", too.
func (a *api) channel(name string) string {
	name = strings.TrimPrefix(name, "#")
	for _, spelt := range [...]string{name, "#" + name} {
		if id, ok := a.opts.Channels[spelt]; ok {
			return id
		}
	}
	return name
}

// channels returns the IDs of those that a call names.
func (a *api) channels(args url.Values) []string {
	var ids []string
	for _, arg := range []string{"channel", "channel_id", "channels"} {
		for name := range strings.SplitSeq(args.Get(arg), ",") {
			if name = strings.TrimSpace(name); name != "" {
				ids = append(ids, a.channel(name))
			}
		}
	}
	return ids
}
