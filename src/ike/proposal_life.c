/* Lifetimes: RFC 2407 4.5 and 4.6.3.1. */
#include "proposal.h"

struct isakmp_life life_from_config(int64_t seconds, uint64_t bytes)
{
    return (struct isakmp_life){ .seconds = seconds > 0 ? (uint64_t)seconds : 0,
                                 .kilobytes = bytes / 1024 + (bytes % 1024 != 0) };
}

struct isakmp_life life_or_default(struct isakmp_life given)
{
    if (!given.seconds)
        given.seconds = LIFE_DEFAULT_S;
    return given;
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
    if (!a || !b)
        return a ? a : b;
    return a < b ? a : b;
}

struct isakmp_life life_shorter(struct isakmp_life a, struct isakmp_life b)
{
    return (struct isakmp_life){ .seconds = shorter(a.seconds, b.seconds),
                                 .kilobytes = shorter(a.kilobytes, b.kilobytes) };
}

static uint64_t clamp(uint64_t agreed, uint64_t ours, uint64_t floor, uint64_t ceiling)
{
    if (ours && ours < floor)
        floor = ours;
    if (agreed && agreed < floor)
        return floor;
    return agreed > ceiling ? ceiling : agreed;
}

struct isakmp_life life_clamp(struct isakmp_life agreed, struct isakmp_life ours)
{
    return (struct isakmp_life){
        .seconds = clamp(agreed.seconds, ours.seconds, LIFE_FLOOR_S, LIFE_CEILING_S),
        .kilobytes = clamp(agreed.kilobytes, ours.kilobytes, LIFE_FLOOR_KB, LIFE_CEILING_KB)
    };
}

bool life_obey(struct isakmp_life *agreed, struct isakmp_life told, struct isakmp_life ours)
{
    const struct isakmp_life to = life_clamp(life_shorter(*agreed, told), ours);
    const bool shortened = to.seconds != agreed->seconds || to.kilobytes != agreed->kilobytes;

    *agreed = to;
    return shortened;
}

/* 80%, without overflow */
static uint64_t soft(uint64_t hard)
{
    return hard / 5 * 4 + hard % 5 * 4 / 5;
}

struct life_limits life_to_limits(struct isakmp_life agreed)
{
    const uint64_t hard_s = agreed.seconds < UINT32_MAX ? agreed.seconds : UINT32_MAX;
    const uint64_t hard_bytes =
        agreed.kilobytes < UINT64_MAX / 1024 ? agreed.kilobytes * 1024 : UINT64_MAX;

    return (struct life_limits){ .soft_s = (uint32_t)soft(hard_s),
                                 .hard_s = (uint32_t)hard_s,
                                 .soft_bytes = soft(hard_bytes),
                                 .hard_bytes = hard_bytes };
}
