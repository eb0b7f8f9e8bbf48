package providers

import (
	"net/http"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// Join returns a provider that asks each of ps in turn: the first that claims a request has it. Put the more general
// ones, such as headers, last. With none, it claims no request. Its Name is "joined"; a [Call] has that of the provider
// which claimed it.
func Join(ps ...Provider) Provider {
	var all joined
	for _, p := range ps {
		if j, ok := p.(joined); ok {
			all = append(all, j...) // a call remembers one provider, which must not be a Join
		} else {
			a, _ := p.(Appender)
			all = append(all, member{p, a})
		}
	}
	return all
}

type joined []member

type member struct {
	Provider
	appender Appender // the same; nil if it is none
}

func (j joined) Name() string { return "joined" }

func (j joined) Classify(req *http.Request, now time.Time) (Call, bool) {
	return j.AppendClassify(nil, req, now)
}

func (j joined) AppendClassify(draws []bucket.Draw, req *http.Request, now time.Time) (call Call, ok bool) {
	for i := range j {
		if m := &j[i]; m.appender != nil {
			call, ok = m.appender.AppendClassify(draws, req, now)
		} else {
			call, ok = m.Classify(req, now)
		}
		if ok {
			call.by = j[i].Provider
			return call, true
		}
	}
	return Call{}, false
}

func (j joined) Judge(req *http.Request, call *Call, a *Answer) Verdict {
	if call.by == nil {
		panic("providers: Judge of a call that this Join did not classify")
	}
	return call.by.Judge(req, call, a)
}

// Refuse speaks for the provider that claimed the request.
func (j joined) Refuse(req *http.Request, call *Call, now time.Time, wait time.Duration) (http.Header, []byte) {
	if call.by == nil {
		panic("providers: Refuse of a call that this Join did not classify")
	}
	return refusal(call.by, req, call, now, wait)
}
