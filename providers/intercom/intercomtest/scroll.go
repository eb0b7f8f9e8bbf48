package intercomtest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/underlimit/underlimit/internal/fakeapi"
	"github.com/underlimit/underlimit/providers/apitest"
)

// scrollIdle is after how long without a request a scroll ends.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/companies/scrolloverallcompanies
const scrollIdle = time.Minute

// A scroll goes through all companies, page by page, and never back. A workspace has one at a time.
type scroll struct {
	param string // empty: there is none
	pages int    // still to come
	used  time.Time
}

// scroll begins a scroll, or turns a page.
func (a *api) scroll(c *apitest.Call, credential string) apitest.Answer {
	s := fakeapi.At(a.scrolls, a.opts.Workspace(credential))
	if c.At.Sub(s.used) >= scrollIdle {
		s.param = ""
	}
	switch param := c.Request.URL.Query().Get("scroll_param"); {
	case param == "" && s.param != "":
		return a.failed(http.StatusBadRequest, "scroll_exists", "scroll already exists for this workspace")
	case param == "":
		a.objects++
		*s = scroll{param: "scroll" + strconv.Itoa(a.objects), pages: a.opts.ScrollPages}
	case param != s.param:
		return a.failed(http.StatusNotFound, "not_found", "scroll parameter not found")
	}
	s.used = c.At
	companies, param := []any{}, s.param
	if s.pages > 0 {
		s.pages--
		companies = append(companies, map[string]any{"type": "company", "id": strconv.Itoa(a.opts.ScrollPages - s.pages)})
	} else {
		s.param = "" // the end
	}
	return apitest.Reply(http.StatusOK, map[string]any{
		"type": "company.list", "companies": companies, "data": companies, "scroll_param": param,
	})
}
