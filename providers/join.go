package providers

import (
	"net/http"
	"time"
)

// Join returns a provider that asks each of ps in turn: the first that claims a request has it. Put the more general
// ones, such as headers, last.
func Join(ps ...Provider) Provider {
	var all joined
	for _, p := range ps {
		if j, ok := p.(joined); ok {
			all = append(all, j...) // a call remembers one provider, which must not be a Join
		} else {
			all = append(all, p)
		}
	}
	return all
}

type joined []Provider

func (j joined) Name() string { return "joined" }

func (j joined) Classify(req *http.Request, now time.Time) (Call, bool) {
	for _, p := range j {
		if call, ok := p.Classify(req, now); ok {
			call.by = p
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
