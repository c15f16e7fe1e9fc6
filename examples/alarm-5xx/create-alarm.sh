#!/bin/sh
# An alarm on one app's answers 500 to 599, as the proxy logs them. From your own machine:
#   sh create-alarm.sh oc-lettings [log group]
# It may be run again: everything is replaced by the same.
set -eu
app=$1
group=${2:-landfall-prod-proxy}

count() { # metric, how the line begins
  aws logs put-metric-filter --log-group-name "$group" --filter-name "$1" --filter-pattern "{ \$.log = \"$2*\" }" \
    --metric-transformations "metricName=$1,metricNamespace=$group,metricValue=1,defaultValue=0"
}

metric() { # id, metric
  printf '{"Id":"%s","ReturnData":false,"MetricStat":{"Metric":{"Namespace":"%s","MetricName":"%s"},"Period":60,"Stat":"Sum"}}' \
    "$1" "$group" "$2"
}

count "$app-requests" "app-$app status="
count "$app-5xx" "app-$app status=5"

# In percent. Below five a minute nothing counts: one of two requests at night is not half of the site.
share='{"Id":"share","Label":"5xx in percent","ReturnData":true,"Expression":"IF(errors >= 5, 100 * errors / requests, 0)"}'
aws cloudwatch put-metric-alarm --alarm-name "$app-5xx" \
  --alarm-description "$app: 5 percent of the requests and 5 a minute were answered 5xx, in two of three minutes" \
  --metrics "[$(metric errors "$app-5xx"),$(metric requests "$app-requests"),$share]" \
  --comparison-operator GreaterThanOrEqualToThreshold --threshold 5 \
  --evaluation-periods 3 --datapoints-to-alarm 2 --treat-missing-data notBreaching
