package slacktest

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/providers/apitest"
)

// chat returns what the answer to a call of chat.… has besides its ok, or Slack's word for what is wrong with the call;
// ok is false for methods that it does not know.
func (a *api) chat(
	c *apitest.Call, method, channel, team string, args url.Values,
) (object map[string]any, wrong string, ok bool) {
	switch method {
	case "chat.postMessage", "chat.meMessage", "chat.startStream":
		ts := a.timestamp(c.Clock)
		return map[string]any{"channel": channel, "ts": ts, "message": message(args, ts, team)}, "", true
	case "chat.appendStream", "chat.stopStream", "chat.delete":
		return map[string]any{"channel": channel, "ts": args.Get("ts")}, "", true
	case "chat.postEphemeral":
		return map[string]any{"message_ts": a.timestamp(c.Clock)}, "", true
	case "chat.update":
		ts := args.Get("ts")
		return map[string]any{
			"channel": channel, "ts": ts, "text": args.Get("text"), "message": message(args, ts, team),
		}, "", true
	case "chat.getPermalink":
		link := "https://fake.slack.com/archives/" + channel + "/p" + args.Get("message_ts")
		return map[string]any{"channel": channel, "permalink": link}, "", true
	case "chat.scheduleMessage":
		object, wrong := a.schedule(channel, args)
		return object, wrong, true
	}
	return nil, "", false
}

// A schedule is a channel and five minutes in which messages will be posted to it.
type schedule struct {
	channel string
	span    int64
}

func (a *api) schedule(channel string, args url.Values) (map[string]any, string) {
	at, err := strconv.ParseInt(args.Get("post_at"), 10, 64)
	if err != nil {
		return nil, "invalid_time"
	}
	s := schedule{channel, at / scheduledWithin}
	if a.scheduled[s] >= scheduled {
		return nil, "restricted_too_many"
	}
	a.scheduled[s]++
	return map[string]any{"channel": channel, "scheduled_message_id": a.id("Q"), "post_at": at}, ""
}

// timestamp returns the timestamp of a new message, which is also its id and therefore unique.
func (a *api) timestamp(clock time.Time) string {
	if next := a.stamp.Add(time.Microsecond); clock.Before(next) {
		clock = next
	}
	a.stamp = clock.Truncate(time.Microsecond)
	return fmt.Sprintf("%d.%06d", a.stamp.Unix(), a.stamp.Nanosecond()/1000)
}

func message(args url.Values, ts, team string) map[string]any {
	m := map[string]any{
		"type": "message", "text": args.Get("text"), "ts": ts, "team": team, "user": "U1", "bot_id": "B1",
	}
	if thread := args.Get("thread_ts"); thread != "" {
		m["thread_ts"] = thread
	}
	return m
}
