package slacktest

import (
	"bytes"
	"io"
	"net/http"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// A draw is a limit that a request is under: a quota, a pace, both, or neither.
type draw struct {
	bucket string

	quota  *fakeapi.Log
	n      int // in any window
	window time.Duration

	pace  *fakeapi.Pace
	every time.Duration
	burst int

	early time.Duration // how much too early it may come for its pace
	hides bool          // rather than refuse
}

// free is a bucket that nothing limits.
func free(bucket string) draw { return draw{bucket: bucket} }

// perMinute is n in any minute, of which burst go at once; less than 0 is no limit. A burst larger than that is all that
// holds.
func (a *api) perMinute(bucket string, n, burst int) draw {
	d := free(bucket)
	if n < 0 {
		return d
	}
	if burst <= n {
		d.quota, d.n, d.window = fakeapi.At(a.quotas, bucket), n, time.Minute
	}
	if burst > 0 && burst != n && n > 0 {
		d.pace, d.every, d.burst = fakeapi.At(a.paces, bucket), time.Minute/time.Duration(n), burst
	}
	return d
}

// messages is the pace of messages to a channel, or by a webhook.
func (a *api) messages(bucket string) draw {
	return draw{
		bucket: bucket, pace: fakeapi.At(a.paces, bucket), every: postPeriod, burst: a.opts.ChannelBurst,
		early: a.opts.Tolerance, hides: a.opts.Hide,
	}
}

// wait returns how long a request has to wait; 0 means not at all.
func (d *draw) wait(now time.Time) (wait time.Duration) {
	if d.quota != nil {
		wait = d.quota.Wait(now, d.n, d.window)
	}
	if d.pace != nil {
		if w := d.pace.Wait(now, d.every, d.burst); w > d.early {
			wait = max(wait, w)
		}
	}
	return wait
}

func (d *draw) add(now time.Time) {
	if d.quota != nil {
		d.quota.Add(now)
	}
	if d.pace != nil {
		d.pace.Add(now, d.every)
	}
}

// A verdict is what the limits say of a request.
type verdict struct {
	buckets   []string
	refusedBy string
	wait      time.Duration
	hidden    bool
}

// admit counts a request against all its limits or, if one refuses it, none.
func (a *api) admit(c *apitest.Call, draws []draw) verdict {
	var v verdict
	for _, d := range draws {
		v.buckets = append(v.buckets, d.bucket)
	}
	a.hold(c, v.buckets)
	for i := range draws {
		d := &draws[i]
		held := a.held[d.bucket].Sub(c.At)
		switch wait := max(d.wait(c.At), held); {
		case wait > 0 && d.hides && held <= 0:
			v.hidden = true
		case wait > v.wait:
			v.refusedBy, v.wait = d.bucket, wait
		}
	}
	if v.refusedBy != "" {
		v.hidden = false
		return v
	}
	for i := range draws {
		if d := &draws[i]; !v.hidden || !d.hides { // what is not shown does not crowd the channel
			d.add(c.At)
		}
	}
	return v
}

// hold closes a bucket, if Options.Refuse says so.
func (a *api) hold(c *apitest.Call, buckets []string) {
	if a.opts.Refuse == nil {
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(c.Body))
	bucket, d := a.opts.Refuse(c.Request, buckets)
	c.Request.Body = http.NoBody
	if until := c.At.Add(d); bucket != "" && until.After(a.held[bucket]) {
		a.held[bucket] = until
	}
}

// onto completes an answer with a verdict.
func (v *verdict) onto(answer apitest.Answer) apitest.Answer {
	answer.Buckets, answer.RefusedBy = v.buckets, v.refusedBy
	if v.hidden {
		answer.Void, answer.Violation = true, "the message came too soon and is hidden"
	}
	return answer
}

// answer has the request refused if its limits say so; else answers as f does.
func (a *api) answer(c *apitest.Call, draws []draw, kind kind, f func() apitest.Answer) apitest.Answer {
	v := a.admit(c, draws)
	if v.refusedBy != "" {
		return v.onto(a.refuse(c, v.wait, kind))
	}
	return v.onto(f())
}
