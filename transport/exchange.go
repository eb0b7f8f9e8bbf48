package transport

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// An exchange is one request on its way through the transport, over all its attempts, with memory for what most requests
// draw on, and for what most answers say.
type exchange struct {
	passage
	draws [4]bucket.Draw
	room  providers.Room
	begin []byte // of an answer
}

// A passage is what concerns one request alone.
type passage struct {
	t      *Transport
	ctx    context.Context
	req    *http.Request // the caller's, which stays as it is
	body   body
	call   providers.Call
	trace  *Trace
	ticket bucket.Ticket

	now      time.Time // the present, as long as nothing took any time since it was read; else zero
	attempt  int       // sendings so far
	looping  bool      // the retry loop has begun
	failures int       // of them, those that failed without a refusal
	last     outcome
	answer   providers.Answer // the latest, while the provider reads it

	suppressed RetryReason // why it would have been sent again if the budget allowed it
}

// exchanges are those that are over. They are large, and what they are for is short.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// recycle has the exchange, which is over, used for another request. Draws and updates hold no credentials, and may stay:
// to clear them costs the more the busier the garbage collector is.
func (x *exchange) recycle() {
	clear(x.begin) // answers may hold credentials
	x.passage, x.begin = passage{}, x.begin[:0]
	exchanges.Put(x)
}

// An outcome is how the latest attempt ended.
type outcome struct {
	resp  *http.Response
	err   error
	again bool // the request is to be sent once more
	delay time.Duration
}

// classify asks the provider what the request, as it gives its body, is.
func (x *exchange) classify(req *http.Request, now time.Time) (ok bool) {
	if a := x.t.appender; a != nil {
		x.call, ok = a.AppendClassify(x.draws[:0], req, now)
	} else {
		x.call, ok = x.t.provider.Classify(req, now)
	}
	x.call.Room = &x.room
	return ok
}

// pass sends a request that no provider claims but whose body one has read.
func (x *exchange) pass() (*http.Response, error) {
	req, err := x.outgoing()
	if err != nil {
		return nil, err
	}
	resp, err := x.t.base.RoundTrip(req)
	if resp != nil {
		resp.Request = x.req
	}
	return resp, err
}

// run sends the request as often as it takes. The first attempt does not pay for the machinery of the second.
func (x *exchange) run() (*http.Response, error) {
	defer x.body.close()
	if err := x.body.settle(); err != nil {
		x.last.err = err
	} else {
		x.try()
	}
	if x.last.again {
		x.t.retry(x)
	}
	resp, err := x.last.resp, x.last.err
	if refusal := x.refusal(); refusal != nil {
		resp = refusal
	}
	if resp != nil {
		resp.Request = x.req
	}
	if h := x.trace; h != nil && h.Finished != nil {
		info := FinishedInfo{
			CallInfo: x.info(), Err: err, Waited: x.ticket.Waited(), Would: x.ticket.Shadowed(), Suppressed: x.suppressed,
		}
		if resp != nil {
			info.Status = resp.StatusCode
		}
		h.Finished(x.ctx, info)
	}
	if resp != nil {
		return resp, nil // which tells, too, if the request was not sent
	}
	return nil, err
}

// try waits for leave, sends the request, and learns from the answer.
func (x *exchange) try() {
	lease, err := x.acquire()
	if err != nil {
		x.unsent(err)
		return
	}
	settled := false
	defer func() {
		if !settled { // the base transport panics
			lease.Lost()
		}
	}()
	req, err := x.outgoing()
	if err != nil {
		lease.Cancel()
		settled = true
		x.unsent(err)
		return
	}
	x.discard()
	x.attempt++
	if x.attempt == 1 {
		x.t.budgets.pay(x.call.Provider)
	}
	sent := x.clock()
	x.now = time.Time{}
	resp, err := x.t.base.RoundTrip(req)
	received := since(sent)
	if err == nil && resp == nil {
		err = errNothing
	}
	if err != nil {
		if neverSent(err) {
			lease.Cancel()
		} else {
			lease.Lost()
		}
		settled = true
		x.failed(err, received.Sub(sent))
		return
	}
	most := wanted(resp, x.call.Peek)
	verdict := x.judge(resp, most, sent, received)
	var changes []bucket.Change
	switch {
	case len(verdict.Updates) == 0 && untelling(resp.StatusCode):
		lease.Failed(received)
	case most == 0:
		changes = lease.DoneAt(received, verdict.Updates...)
	default: // its body may have been slow
		changes = lease.Done(received, verdict.Updates...)
	}
	settled = true
	x.answered(resp, &verdict, changes, received.Sub(sent))
}

// untelling says whether an answer that says nothing of limits may be another's than the API's, or of a kind in which an
// API leaves it out that says it in others. A 401 is of the kind in which all of that credential's are.
func untelling(status int) bool {
	return status >= http.StatusBadRequest && status != http.StatusUnauthorized
}

// unsent ends the exchange because it cannot be sent now. What an earlier attempt brought stands.
func (x *exchange) unsent(err error) {
	if x.attempt == 0 {
		x.last = outcome{err: err}
	}
	x.last.again = false
}

// errNothing is what becomes of a base transport's breach of contract, as in http.Client.
var errNothing = errors.New("transport: the base transport returned neither an answer nor an error")

// acquire waits for leave to send.
func (x *exchange) acquire() (bucket.Lease, error) {
	h := x.trace
	if h == nil || h.WaitStart == nil && h.WaitDone == nil {
		return x.ask()
	}
	info := x.info()
	info.Attempt++
	waited, would := x.ticket.Waited(), x.ticket.Shadowed()
	if h.WaitStart != nil {
		h.WaitStart(x.ctx, WaitStartInfo{info})
	}
	lease, err := x.ask()
	if h.WaitDone != nil {
		told := false
		defer func() {
			if !told && err == nil { // the hook panics
				lease.Cancel()
			}
		}()
		h.WaitDone(x.ctx, WaitDoneInfo{
			CallInfo: info, Mode: x.t.mode, Waited: x.ticket.Waited() - waited, Would: x.ticket.Shadowed() - would, Err: err,
		})
		told = true
	}
	return lease, err
}

// ask waits for leave to send, and tells nobody.
func (x *exchange) ask() (bucket.Lease, error) {
	x.now = x.clock()
	waited := x.ticket.Waited()
	lease, err := x.t.buckets.AcquireTicketAt(x.ctx, x.now, &x.ticket, x.call.Draws...)
	if x.ticket.Waited() != waited {
		x.now = time.Time{}
	}
	return lease, err
}

// clock returns the present. To read it takes longer than much of what there is to do.
func (x *exchange) clock() time.Time {
	if x.now.IsZero() {
		return time.Now()
	}
	return x.now
}

// since returns the present, which is not long after a reading of the clock. It looks at the monotonic clock alone, which
// takes but half the time: what somebody does to the other one meanwhile, the next request is told.
func since(before time.Time) time.Time { return before.Add(time.Since(before)) }

// outgoing is the request as the base transport gets it. The first is the caller's own where it can be.
func (x *exchange) outgoing() (*http.Request, error) {
	b, err := x.body.next()
	if err != nil {
		return nil, err
	}
	header, omitted := x.req.Header, false
	if len(x.call.Omit) > 0 {
		header, omitted = without(header, x.omits)
	}
	lone := x.lone()
	if x.attempt == 0 && x.body.buffer == nil && x.req.RequestURI == "" && !omitted && !lone {
		return x.req, nil
	}
	req := *x.req // shallow: nobody changes the headers
	req.Header, req.RequestURI = header, ""
	if b != nil {
		req.Body, req.GetBody = b, x.body.again
	}
	if lone {
		if req.GetBody = nil; b == nil {
			req.Body = nobody{}
		}
	}
	return &req, nil
}

// omits says whether a header field of the request is left out of what is sent.
func (x *exchange) omits(name string) bool {
	return slices.ContainsFunc(x.call.Omit, func(omitted string) bool { return strings.EqualFold(name, omitted) })
}

// judge asks the provider, who may see so much of the body, what an answer means.
func (x *exchange) judge(resp *http.Response, most int, sent, received time.Time) providers.Verdict {
	x.answer = providers.Answer{
		Status:   resp.StatusCode,
		Header:   resp.Header,
		Body:     x.peek(resp, most),
		Sent:     sent,
		Received: received,
	}
	v := x.t.provider.Judge(x.req, &x.call, &x.answer)
	if v.Refused && !v.Final && !blocks(v.Updates) && len(x.call.Draws) > 0 {
		// Every refusal holds somebody back, or the next attempt would follow at once.
		v.Updates = append(v.Updates, bucket.Block{Key: x.call.Draws[0].Key})
	}
	return v
}

func blocks(updates []bucket.Update) bool {
	for _, u := range updates {
		switch u.(type) {
		case bucket.Block, *bucket.Block:
			return true
		}
	}
	return false
}

// answered decides what becomes of a request that was answered.
func (x *exchange) answered(
	resp *http.Response, v *providers.Verdict, changes []bucket.Change, took time.Duration,
) {
	x.last = outcome{resp: resp}
	if h := x.trace; h != nil && h.GotResponse != nil {
		h.GotResponse(x.ctx, ResponseInfo{
			CallInfo: x.info(), Status: resp.StatusCode, Header: resp.Header, Took: took, Refused: v.Refused, Scope: v.Scope,
		})
	}
	if x.t.hideLimits && resp.StatusCode < http.StatusBadRequest && !v.Refused {
		resp.Header, _ = without(resp.Header, isLimitField)
	}
	x.report(changes)
	switch {
	case v.Final:
	case v.Refused:
		// Without draws nothing would hold the next attempt back; and in mode Reject what holds it back fails it.
		if len(x.call.Draws) > 0 && x.t.mode != bucket.Reject {
			x.consider(RetryRefused, true)
		}
	case resp.StatusCode >= http.StatusInternalServerError:
		x.consider(RetryServerError, x.repeatable())
	case resp.StatusCode >= http.StatusBadRequest:
		x.consider(RetryClientError, x.repeatable())
	}
}

// failed decides what becomes of a request that was not answered.
func (x *exchange) failed(err error, took time.Duration) {
	x.last = outcome{err: err}
	if h := x.trace; h != nil && h.GotResponse != nil {
		h.GotResponse(x.ctx, ResponseInfo{CallInfo: x.info(), Took: took, Err: err})
	}
	x.consider(RetryConnection, neverSent(err) || x.repeatable())
}

// sendable says whether the request can be sent once more.
func (x *exchange) sendable() bool {
	return x.attempt < x.t.maxAttempts && x.body.replayable() && x.ctx.Err() == nil
}

// again has the request, which must be sendable, sent once more.
func (x *exchange) again(reason RetryReason, delay time.Duration) {
	x.last.again, x.last.delay = true, delay
	if h := x.trace; h != nil && h.Retry != nil {
		info := x.info()
		info.Attempt++
		h.Retry(x.ctx, RetryInfo{CallInfo: info, Reason: reason, Delay: delay})
	}
}

// repeatable says whether the request may be sent again without proof that it was not processed.
func (x *exchange) repeatable() bool {
	switch x.call.Repeat {
	case providers.Always:
		return true
	case providers.Never:
		return false
	}
	return looksRepeatable(x.req)
}

// keep makes sure that an answer can be returned later that another attempt may replace, and that it holds no
// connection meanwhile if it is small.
func (x *exchange) keep() {
	resp := x.last.resp
	if !x.last.again || resp == nil {
		return
	}
	if _, done := resp.Body.(*peeked); !done {
		peek(resp, maxPeek)
	}
}

// discard lets go of the last answer, which a new attempt replaces.
func (x *exchange) discard() {
	if resp := x.last.resp; resp != nil && resp.Body != nil {
		_ = resp.Body.Close() // nobody reads it any more
	}
	x.last = outcome{}
}

// report tells the trace what the buckets learned.
func (x *exchange) report(changes []bucket.Change) {
	h := x.trace
	if h == nil {
		return
	}
	for _, c := range changes {
		if c.Limit > 0 && h.LimitLearned != nil {
			h.LimitLearned(x.ctx, LimitInfo{CallInfo: x.info(), Key: c.Key, Limit: c.Limit})
		}
		if c.Charged > 0 && h.Charged != nil {
			h.Charged(x.ctx, ChargeInfo{x.info(), c.Key, c.Charged, c.Quota, passed(c.Charged, c.Quota)})
		}
		if !c.Blocked.IsZero() && h.Blocked != nil {
			h.Blocked(x.ctx, BlockInfo{CallInfo: x.info(), Key: c.Key, Until: c.Blocked})
		}
	}
}
