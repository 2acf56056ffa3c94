# AWS CLI 2, with a caller key as the access key id: the gateway signs again with the connection's own.
# A configuration of its own keeps profiles out, and with them other endpoints.
export AWS_CONFIG_FILE=$PWD/aws-config AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
printf '[default]\nregion = us-east-1\ns3 =\n  addressing_style = path\n' >"$AWS_CONFIG_FILE"
unset AWS_PROFILE AWS_SESSION_TOKEN
export AWS_ACCESS_KEY_ID=$CALLER_KEY AWS_SECRET_ACCESS_KEY=placeholder
s3() { aws --endpoint-url "$VENDGATE_URL/proxy/$CONNECTION/aws-s3" "$@"; }
