"""Two small templates, as CDK would write them: storage, and an API that imports from it."""

from typing import Any


def get_att(logical_id: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, attribute]}


def join(*parts: Any) -> dict[str, Any]:
    return {"Fn::Join": ["", list(parts)]}


def imported(name: str) -> dict[str, Any]:
    return {"Fn::ImportValue": f"storage:{name}"}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def output(name: str, value: Any) -> dict[str, Any]:
    return {"Value": value, "Export": {"Name": f"storage:{name}"}}


def storage() -> dict[str, Any]:
    return {
        "Resources": {
            "Things0A1B2C3D": resource(
                "DynamoDB::Table",
                AttributeDefinitions=[
                    {"AttributeName": "k", "AttributeType": "S"},
                    {"AttributeName": "g", "AttributeType": "S"},
                ],
                KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                GlobalSecondaryIndexes=[
                    {
                        "IndexName": "by_g",
                        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "KEYS_ONLY"},
                    }
                ],
                BillingMode="PAY_PER_REQUEST",
                TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
            ),
            "Rows": resource(
                "DynamoDB::GlobalTable",
                AttributeDefinitions=[
                    {"AttributeName": "p", "AttributeType": "S"},
                    {"AttributeName": "n", "AttributeType": "N"},
                ],
                KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
                BillingMode="PAY_PER_REQUEST",
                Replicas=[{"Region": {"Ref": "AWS::Region"}}],
            ),
            "Media": resource(
                "S3::Bucket",
                CorsConfiguration={
                    "CorsRules": [
                        {
                            "AllowedMethods": ["GET", "POST"],
                            "AllowedOrigins": ["https://*.example.com"],
                            "AllowedHeaders": ["*"],
                            "MaxAge": 600,
                        }
                    ]
                },
            ),
            "Access": resource("CloudFront::OriginAccessControl", OriginAccessControlConfig={}),
            "Cdn": resource(
                "CloudFront::Distribution",
                DistributionConfig={
                    "Origins": [
                        {
                            "DomainName": get_att("Media", "RegionalDomainName"),
                            "OriginAccessControlId": get_att("Access", "Id"),
                        }
                    ]
                },
            ),
            "Secret": resource("SecretsManager::Secret", GenerateSecretString={"PasswordLength": 20}),
            "Role": resource("IAM::Role", AssumeRolePolicyDocument={}),
        },
        "Outputs": {
            "Table": output("Table", {"Ref": "Things0A1B2C3D"}),
            "Rows": output("Rows", {"Ref": "Rows"}),
            "Bucket": output("Bucket", {"Ref": "Media"}),
            "BucketHost": output("BucketHost", get_att("Media", "RegionalDomainName")),
            "Cdn": output("Cdn", get_att("Cdn", "DomainName")),
            "Secret": output("Secret", {"Ref": "Secret"}),
        },
    }


def _function(handler: str, **more: Any) -> dict[str, Any]:
    variables = {
        "AWS_MAX_ATTEMPTS": "1",
        "TABLE": imported("Table"),
        "ROWS": imported("Rows"),
        "BUCKET": imported("Bucket"),
        "MEDIA_URL": join("https://", imported("BucketHost")),
        "CDN_URL": join("https://", imported("Cdn"), "/"),
        "SECRET": imported("Secret"),
        "LOG_QUEUE": {"Ref": "Log"},
        "WORK_QUEUE": {"Ref": "Work"},
        "TOPIC": {"Ref": "News"},
    }
    if handler != "http":
        variables["SOCKET_ENDPOINT"] = join(
            "https://",
            {"Ref": "Sockets"},
            ".execute-api.",
            {"Ref": "AWS::Region"},
            ".",
            {"Ref": "AWS::URLSuffix"},
            "/",
            {"Ref": "Stage"},
        )
    properties = {
        "Runtime": "python3.13",
        "Handler": f"functions.{handler}.handler",
        "Code": {"S3Bucket": "assets", "S3Key": "code.zip"},
        "Role": "arn:aws:iam::123456789012:role/any",
        "Environment": {"Variables": variables},
        "MemorySize": 256,
        "Timeout": 20,
        **more,
    }
    return resource("Lambda::Function", **properties)


def _invocation(function: str) -> dict[str, Any]:
    return join(
        "arn:aws:apigateway:",
        {"Ref": "AWS::Region"},
        ":lambda:path/2015-03-31/functions/",
        get_att(function, "Arn"),
        "/invocations",
    )


def _route(key: str, *, answers: bool = False, authorized: bool = False) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "ApiId": {"Ref": "Sockets"},
        "RouteKey": key,
        "Target": join("integrations/", {"Ref": "Integration"}),
        "AuthorizationType": "CUSTOM" if authorized else "NONE",
    }
    if answers:
        properties["RouteResponseSelectionExpression"] = "$default"
    if authorized:
        properties["AuthorizerId"] = {"Ref": "Authorizer"}
    return resource("ApiGatewayV2::Route", **properties)


def _answer(route: str) -> dict[str, Any]:
    return resource(
        "ApiGatewayV2::RouteResponse", ApiId={"Ref": "Sockets"}, RouteId={"Ref": route}, RouteResponseKey="$default"
    )


def api() -> dict[str, Any]:
    return {
        "Resources": {
            "Socket": _function("socket"),
            "Gate": _function("authorizer"),
            "Worker": _function("worker"),
            "Http": _function("http"),
            "Sockets": resource(
                "ApiGatewayV2::Api",
                Name="sockets",
                ProtocolType="WEBSOCKET",
                RouteSelectionExpression="$request.body.route",
            ),
            "Stage": resource("ApiGatewayV2::Stage", ApiId={"Ref": "Sockets"}, StageName="live", AutoDeploy=True),
            "Integration": resource(
                "ApiGatewayV2::Integration",
                ApiId={"Ref": "Sockets"},
                IntegrationType="AWS_PROXY",
                IntegrationUri=_invocation("Socket"),
            ),
            "Authorizer": resource(
                "ApiGatewayV2::Authorizer",
                ApiId={"Ref": "Sockets"},
                AuthorizerType="REQUEST",
                AuthorizerUri=_invocation("Gate"),
                IdentitySource=["route.request.querystring.token"],
                Name="gate",
            ),
            "Connect": _route("$connect", authorized=True),
            "Disconnect": _route("$disconnect"),
            "Default": _route("$default", answers=True),
            "Do": _route("do", answers=True),
            "Quiet": _route("quiet"),
            "DefaultAnswer": _answer("Default"),
            "DoAnswer": _answer("Do"),
            "Url": resource("Lambda::Url", AuthType="NONE", TargetFunctionArn=get_att("Http", "Arn")),
            "Log": resource("SQS::Queue"),
            "Work": resource(
                "SQS::Queue",
                VisibilityTimeout=30,
                RedrivePolicy={"deadLetterTargetArn": get_att("Dead", "Arn"), "maxReceiveCount": 3},
            ),
            "Dead": resource("SQS::Queue", MessageRetentionPeriod=1_209_600),
            "Ordered": resource("SQS::Queue", FifoQueue=True, ContentBasedDeduplication=True),
            "Chain": resource(
                "SQS::Queue",
                FifoQueue=True,
                DeduplicationScope="messageGroup",
                FifoThroughputLimit="perMessageGroupId",
                VisibilityTimeout=30,
                RedrivePolicy={"deadLetterTargetArn": get_att("ChainDead", "Arn"), "maxReceiveCount": 3},
            ),
            "ChainDead": resource("SQS::Queue", FifoQueue=True),
            "ChainSource": resource(
                "Lambda::EventSourceMapping",
                BatchSize=1,
                EventSourceArn=get_att("Chain", "Arn"),
                FunctionName={"Ref": "Worker"},
                FunctionResponseTypes=["ReportBatchItemFailures"],
            ),
            "Source": resource(
                "Lambda::EventSourceMapping",
                BatchSize=5,
                EventSourceArn=get_att("Work", "Arn"),
                FunctionName={"Ref": "Worker"},
                FunctionResponseTypes=["ReportBatchItemFailures"],
            ),
            "OrderedSource": resource(
                "Lambda::EventSourceMapping",
                BatchSize=5,
                EventSourceArn=get_att("Ordered", "Arn"),
                FunctionName=get_att("Worker", "Arn"),
                FunctionResponseTypes=["ReportBatchItemFailures"],
            ),
            "News": resource("SNS::Topic"),
            "Subscription": resource(
                "SNS::Subscription",
                TopicArn={"Ref": "News"},
                Protocol="sqs",
                Endpoint=get_att("Work", "Arn"),
                RawMessageDelivery=True,
                FilterPolicy={"kind": ["work"]},
            ),
        }
    }


def stacks() -> dict[str, dict[str, Any]]:
    return {"Api": api(), "Storage": storage()}
