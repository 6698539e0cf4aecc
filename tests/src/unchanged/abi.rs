//! The parts of the others' interfaces that are used here.

use alloy::sol;

sol! {
    /// What a log-triggered upkeep is shown of its log.
    #[derive(Debug)]
    struct Log {
        uint256 index;
        uint256 timestamp;
        bytes32 txHash;
        uint256 blockNumber;
        bytes32 blockHash;
        address source;
        bytes32[] topics;
        bytes data;
    }

    #[sol(rpc)]
    interface Upkeep {
        function checkUpkeep(bytes checkData) external returns (bool upkeepNeeded, bytes performData);
        function checkLog(Log log, bytes checkData) external returns (bool upkeepNeeded, bytes performData);
        function performUpkeep(bytes performData) external;
    }

    #[sol(rpc)]
    interface Monitor {
        event TopUpSucceeded(address indexed recipient);
        function setWatchList(address[] addresses, uint96[] minBalances, uint96[] topUps) external;
        function setKeeperRegistryAddress(address keeperRegistryAddress) external;
    }

    #[sol(rpc)]
    interface LinkMonitor {
        event TopUpSucceeded(address indexed topUpAddress, uint256 amount);
        function setWatchList(address[] addresses, uint96[] minBalances, uint96[] topUps, uint64[] selectors) external;
    }

    #[sol(rpc)]
    interface CronFactory {
        event NewCronUpkeepCreated(address upkeep, address owner);
        function encodeCronString(string cronString) external pure returns (bytes);
        function newCronUpkeep() external;
        function setMaxJobs(uint256 maxJobs) external;
    }

    #[sol(rpc)]
    interface Cron {
        event CronJobExecuted(uint256 indexed id, bool success);
        function createCronJobFromEncodedSpec(address target, bytes handler, bytes encodedCronSpec) external;
    }

    interface CronReceiver {
        event Received1();
        function handler1() external;
    }

    #[sol(rpc)]
    interface UpkeepCounter {
        function counter() external view returns (uint256);
        event PerformingUpkeep(address indexed from, uint256, uint256, uint256, uint256 counter);
    }

    interface LogUpkeepCounter {
        event PerformingUpkeep(address indexed from, uint256, uint256, uint256, uint256 counter);
        event Trigger();
        function start() external;
    }

    #[sol(rpc)]
    interface Link {
        function grantMintRole(address minter) external;
        function mint(address account, uint256 amount) external;
        function transferAndCall(address to, uint256 amount, bytes data) external returns (bool);
    }

    interface Spender {
        function spend(address giver) external;
    }

    interface Tally {
        event Ticked(uint256 seen);
        function setDedicatedSender(address sender) external;
        function tick(uint256 seen) external;
    }

    interface Resolver {
        function checker() external view returns (bool canExec, bytes execPayload);
    }

    #[derive(Debug)]
    struct ModuleData {
        uint8[] modules;
        bytes[] args;
    }

    #[sol(rpc)]
    interface AutomateTasks {
        event TaskCreated(
            address indexed taskCreator,
            address indexed execAddress,
            bytes execDataOrSelector,
            ModuleData moduleData,
            address feeToken,
            bytes32 indexed taskId
        );
        function createTask(address execAddress, bytes execData, ModuleData moduleData, address feeToken)
            external
            returns (bytes32 taskId);
        function cancelTask(bytes32 taskId) external;
        function setModule(uint8[] modules, address[] moduleAddresses) external;
    }

    /// What a log-triggered upkeep is registered with.
    struct LogTriggerConfig {
        address contractAddress;
        uint8 filterSelector;
        bytes32 topic0;
        bytes32 topic1;
        bytes32 topic2;
        bytes32 topic3;
    }

    #[derive(Debug)]
    struct UpkeepInfo {
        address target;
        uint32 performGas;
        bytes checkData;
        uint96 balance;
        address admin;
        uint64 maxValidBlocknumber;
        uint32 lastPerformedBlockNumber;
        uint96 amountSpent;
        bool paused;
        bytes offchainConfig;
    }

    /// What all versions have.
    #[sol(rpc)]
    interface AutomationRegistry {
        event UpkeepRegistered(uint256 indexed id, uint32 performGas, address admin);
        function typeAndVersion() external view returns (string);
        function getUpkeep(uint256 id) external view returns (UpkeepInfo);
        function getTriggerType(uint256 id) external view returns (uint8);
        function getUpkeepTriggerConfig(uint256 id) external view returns (bytes);
        function getForwarder(uint256 id) external view returns (address);
        function getMinBalance(uint256 id) external view returns (uint96);
        function checkUpkeep(uint256 id)
            external
            returns (bool needed, bytes performData, uint8 why, uint256 gasUsed, uint256 gasLimit, uint256, uint256);
        function pause() external;
        function pauseUpkeep(uint256 id) external;
        function cancelUpkeep(uint256 id) external;
        function setUpkeepOffchainConfig(uint256 id, bytes config) external;
        function setUpkeepGasLimit(uint256 id, uint32 gasLimit) external;
        function setUpkeepCheckData(uint256 id, bytes checkData) external;
        function setUpkeepTriggerConfig(uint256 id, bytes triggerConfig) external;
    }

    struct OnchainConfig21 {
        uint32 paymentPremiumPPB;
        uint32 flatFeeMicroLink;
        uint32 checkGasLimit;
        uint24 stalenessSeconds;
        uint16 gasCeilingMultiplier;
        uint96 minUpkeepSpend;
        uint32 maxPerformGas;
        uint32 maxCheckDataSize;
        uint32 maxPerformDataSize;
        uint32 maxRevertDataSize;
        uint256 fallbackGasPrice;
        uint256 fallbackLinkPrice;
        address transcoder;
        address[] registrars;
        address upkeepPrivilegeManager;
    }

    interface Registry21 {
        function setConfigTypeSafe(
            address[] signers,
            address[] transmitters,
            uint8 f,
            OnchainConfig21 onchainConfig,
            uint64 offchainConfigVersion,
            bytes offchainConfig
        ) external;
        function registerUpkeep(
            address target,
            uint32 gasLimit,
            address admin,
            uint8 triggerType,
            bytes checkData,
            bytes triggerConfig,
            bytes offchainConfig
        ) external returns (uint256 id);
    }

    struct OnchainConfig23 {
        uint32 checkGasLimit;
        uint32 maxPerformGas;
        uint32 maxCheckDataSize;
        address transcoder;
        bool reorgProtectionEnabled;
        uint24 stalenessSeconds;
        uint32 maxPerformDataSize;
        uint32 maxRevertDataSize;
        address upkeepPrivilegeManager;
        uint16 gasCeilingMultiplier;
        address financeAdmin;
        uint256 fallbackGasPrice;
        uint256 fallbackLinkPrice;
        uint256 fallbackNativePrice;
        address[] registrars;
        address chainModule;
    }

    struct BillingConfig23 {
        uint32 gasFeePPB;
        uint24 flatFeeMilliCents;
        address priceFeed;
        uint8 decimals;
        uint256 fallbackPrice;
        uint96 minSpend;
    }

    interface Registry23 {
        function setConfigTypeSafe(
            address[] signers,
            address[] transmitters,
            uint8 f,
            OnchainConfig23 onchainConfig,
            uint64 offchainConfigVersion,
            bytes offchainConfig,
            address[] billingTokens,
            BillingConfig23[] billingConfigs
        ) external;
        function registerUpkeep(
            address target,
            uint32 gasLimit,
            address admin,
            uint8 triggerType,
            address billingToken,
            bytes checkData,
            bytes triggerConfig,
            bytes offchainConfig
        ) external returns (uint256 id);
    }
}
