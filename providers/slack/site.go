package slack

import (
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/internal/field"
)

// A site is one of Slack's kinds of host.
type site uint8

const (
	siteNone  site = iota
	siteWeb        // the Web API: slack.com, www.slack.com, and each workspace's own host
	siteAPI        // api.slack.com: SCIM and Audit Logs
	siteFiles      // files.slack.com: uploads and downloads
	siteHooks      // hooks.slack.com: webhooks, triggers, response URLs
)

// site says which kind of host it is, and whose tokens are good for it. GovSlack has the same ones under a domain of
// its own: https://docs.slack.dev/enterprise/govslack
func (p *Provider) site(host string) (site, *realm) {
	host = hostname(host)
	if p.hosts[host] {
		return siteWeb, p.slack
	}
	realm := p.slack
	sub, ok := strings.CutSuffix(host, "slack.com")
	if !ok {
		sub, ok = strings.CutSuffix(host, "slack-gov.com")
		realm = p.gov
	}
	if !ok || sub != "" && !strings.HasSuffix(sub, ".") {
		return siteNone, nil
	}
	switch sub {
	case "api.":
		return siteAPI, realm
	case "files.":
		return siteFiles, realm
	case "hooks.":
		return siteHooks, realm
	case "status.":
		return siteNone, nil // has an /api/ of its own
	}
	return siteWeb, realm
}

// hostname returns a host in lower case, without port or final dot.
func hostname(host string) string {
	if field.IsName(host) {
		return host
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// restAPI names the limits of a path on api.slack.com: the one of the whole API, and that of its endpoint, if it has
// one.
func restAPI(method, path string) (limit, endpoint string) {
	switch {
	case strings.HasPrefix(path, "/audit/"):
		return audit, ""
	case !strings.HasPrefix(path, "/scim/"):
		return apiOther, ""
	case method == "" || method == http.MethodGet || method == http.MethodHead:
		return scimRead, scimEndpoint(http.MethodGet, path)
	}
	return scimWrite, scimEndpoint(method, path)
}

// scimEndpoint names the limit of one endpoint: all users, or all groups, are under the same. Both versions are taken
// to count together.
func scimEndpoint(method, path string) string {
	_, path, _ = strings.Cut(strings.TrimPrefix(path, "/scim/"), "/") // after the version
	kind, id, _ := strings.Cut(path, "/")
	switch one := id != ""; {
	case strings.EqualFold(kind, "Users"):
		return scimUsers[scimVerb{method, one}]
	case strings.EqualFold(kind, "Groups"):
		return scimGroups[scimVerb{method, one}]
	}
	return ""
}

// A scimVerb is what is done to users or groups: to one, or to all.
type scimVerb struct {
	method string
	one    bool
}

var (
	scimUsers = map[scimVerb]string{
		{http.MethodGet, true}:    "scim.users.get",
		{http.MethodPost, false}:  "scim.users.post",
		{http.MethodPut, true}:    "scim.users.put",
		{http.MethodPatch, true}:  "scim.users.put", // one limit for both
		{http.MethodDelete, true}: "scim.users.delete",
	}
	scimGroups = map[scimVerb]string{
		{http.MethodGet, true}:    "scim.groups.get",
		{http.MethodPost, false}:  "scim.groups.post",
		{http.MethodPut, true}:    "scim.groups.put",
		{http.MethodPatch, true}:  "scim.groups.put",
		{http.MethodDelete, true}: "scim.groups.delete",
	}
)

// hook names the limit of a path on hooks.slack.com. What it does not know it takes for an incoming webhook: the form
// /T…/B…/… is one, too.
func hook(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "triggers", "workflows":
		return trigger
	case "commands", "actions", "app":
		return response
	}
	return webhook
}
