#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: sallyportd [options]\n"
    "  --state DIR             configuration store (/var/lib/sallyport)\n"
    "  --socket PATH           API socket (/run/sallyport/api.sock)\n"
    "  --netns NAME            work in this network namespace (ip netns)\n"
    "  --import FILE.rsc       run this script once, before serving\n"
    "  --foreground            do not go to the background\n"
    "  --log-level LEVEL       error, warning, info or debug (info)\n"
    "  --workers N             data workers (one per processor)\n"
    "  --user NAME             user to run as once set up (sallyport)\n"
    "  --mark BIT              packet mark bit of our own traffic (0x40000000)\n"
    "  --disable-feature NAME  force the fallback of nf-link, uso or ipsec-mb\n"
    "  --version, --help\n";

enum {
    OPT_STATE = 256,
    OPT_SOCKET,
    OPT_NETNS,
    OPT_IMPORT,
    OPT_FOREGROUND,
    OPT_LOG_LEVEL,
    OPT_WORKERS,
    OPT_USER,
    OPT_MARK,
    OPT_DISABLE,
    OPT_VERSION,
    OPT_HELP
};

static const struct option long_options[] = {
    { "state", required_argument, NULL, OPT_STATE },
    { "socket", required_argument, NULL, OPT_SOCKET },
    { "netns", required_argument, NULL, OPT_NETNS },
    { "import", required_argument, NULL, OPT_IMPORT },
    { "foreground", no_argument, NULL, OPT_FOREGROUND },
    { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
    { "workers", required_argument, NULL, OPT_WORKERS },
    { "user", required_argument, NULL, OPT_USER },
    { "mark", required_argument, NULL, OPT_MARK },
    { "disable-feature", required_argument, NULL, OPT_DISABLE },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

static bool number_parse(const char *text, unsigned long max, unsigned long *ret)
{
    char *end;

    *ret = strtoul(text, &end, 0);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret > 0 && *ret <= max;
}

static bool feature_disable(struct options *o, const char *name)
{
    const struct {
        const char *name;
        bool *flag;
    } features[] = { { "nf-link", &o->no_nf_link },
                     { "uso", &o->no_uso },
                     { "ipsec-mb", &o->no_ipsec_mb } };

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        if (strcmp(name, features[i].name) == 0) {
            *features[i].flag = true;
            return true;
        }
    return false;
}

static bool value_set(struct options *o, int option, const char *value)
{
    unsigned long n;

    switch (option) {
    case OPT_LOG_LEVEL:
        return log_level_from_text(value, &o->log_level);
    case OPT_WORKERS:
        if (!number_parse(value, 64, &n))
            return false;
        o->workers = (unsigned)n;
        return true;
    case OPT_MARK:
        if (!number_parse(value, UINT32_MAX, &n) || (n & (n - 1)))
            return false;
        o->mark = (uint32_t)n;
        return true;
    case OPT_DISABLE:
        return feature_disable(o, value);
    default:
        return false;
    }
}

static const char *option_name(int option)
{
    for (const struct option *l = long_options; l->name; l++)
        if (l->val == option)
            return l->name;
    return "?";
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
    struct options o = { .state_dir = "/var/lib/sallyport",
                         .socket_path = "/run/sallyport/api.sock",
                         .user = "sallyport",
                         .log_level = LOG_INFO,
                         .mark = 0x40000000u };
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case OPT_STATE:
            o.state_dir = optarg;
            break;
        case OPT_SOCKET:
            o.socket_path = optarg;
            break;
        case OPT_NETNS:
            o.netns = optarg;
            break;
        case OPT_IMPORT:
            o.import_file = optarg;
            break;
        case OPT_USER:
            o.user = optarg;
            break;
        case OPT_FOREGROUND:
            o.foreground = true;
            break;
        case OPT_HELP:
            fputs(usage, stdout);
            return OPTIONS_EXIT_OK;
        case OPT_VERSION:
            puts("sallyportd " SALLYPORT_VERSION);
            return OPTIONS_EXIT_OK;
        case '?':
            fputs(usage, stderr);
            return OPTIONS_EXIT_USAGE;
        default:
            if (!value_set(&o, option, optarg)) {
                fprintf(stderr, "sallyportd: invalid value '%s' for --%s\n", optarg,
                        option_name(option));
                return OPTIONS_EXIT_USAGE;
            }
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sallyportd: unexpected argument '%s'\n", argv[optind]);
        return OPTIONS_EXIT_USAGE;
    }
    *ret = o;
    return OPTIONS_RUN;
}
