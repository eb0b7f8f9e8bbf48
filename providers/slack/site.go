package slack

import (
	"net/http"
	"strings"
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

// site says which kind of host it is. GovSlack has the same ones under a domain of its own.
func (p *Provider) site(host string) site {
	host = hostname(host)
	if p.hosts[host] {
		return siteWeb
	}
	sub, ok := strings.CutSuffix(host, "slack.com")
	if !ok {
		sub, ok = strings.CutSuffix(host, "slack-gov.com")
	}
	if !ok || sub != "" && !strings.HasSuffix(sub, ".") {
		return siteNone
	}
	switch sub {
	case "api.":
		return siteAPI
	case "files.":
		return siteFiles
	case "hooks.":
		return siteHooks
	case "status.":
		return siteNone // has an /api/ of its own
	}
	return siteWeb
}

// hostname returns a host in lower case, without port or final dot.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// restAPI names the limit of a path on api.slack.com.
func restAPI(method, path string) string {
	switch {
	case strings.HasPrefix(path, "/audit/"):
		return audit
	case !strings.HasPrefix(path, "/scim/"):
		return apiOther
	case method == "" || method == http.MethodGet || method == http.MethodHead:
		return scimRead
	}
	return scimWrite
}

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
