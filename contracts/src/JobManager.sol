// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {Concluding} from "./Concluding.sol";
import {Guarded} from "./Guarded.sol";
import {JobForwarder} from "./JobForwarder.sol";
import {Earnings} from "./Earnings.sol";
import {Settling} from "./Settling.sol";
import {Terms} from "./Terms.sol";

/// @title JobManager
/// @notice See {IJobManager}.
/// @dev Holds all money: the jobs' escrow, what operators are owed (Earnings), and the rest of what was charged, which is
/// the protocol's. For every token the sum of the three is what is held here.
contract JobManager is Settling, Guarded, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    struct Withdrawal {
        uint128 amount;
        uint64 availableAt;
    }

    /* CONSTANTS */

    /// @dev For how long an announced withdrawal can be made: kept for later, it would take the money of any run.
    uint256 private constant WITHDRAWAL_SECONDS = 1 days;

    address public immutable serviceManager;
    Terms private immutable _terms;

    /* STORAGE */

    mapping(uint64 jobId => Withdrawal) private _withdrawals;

    /* CONSTRUCTOR */

    constructor(address taskManager_, address registry_, address serviceManager_, uint32 notice, uint256 tip_)
        Earnings(registry_)
        Concluding(taskManager_)
        Settling(notice, tip_, keccak256(_forwarderCode(taskManager_)))
    {
        serviceManager = serviceManager_;
        _terms = new Terms(taskManager_, registry_, serviceManager_);
        _disableInitializers();
    }

    function initialize(address owner, address guardian) external initializer {
        __Guarded_init(owner, guardian);
    }

    /* CREATION */

    /// @inheritdoc IJobManager
    /// @dev The forwarder stands before the target is looked at, which may be none.
    function createJob(JobParams calldata params, uint256 funding, bytes32 salt)
        external
        payable
        nonReentrant
        whenNotPaused
        returns (uint64 jobId)
    {
        jobId = ++jobCount;
        Record storage record = _jobs[jobId];
        record.salt = _saltOf(msg.sender, salt);
        address forwarder = forwarderOf(jobId);
        if (forwarder.code.length != 0) revert SaltTaken(forwarder);
        // it is there or the call reverts, so what it returns is `forwarder`
        // slither-disable-next-line unused-return
        Create2.deploy(0, bytes32(uint256(record.salt)), _forwarderCode(taskManager));
        record.account.version = 1;
        record.account.status = Status.Active;
        record.account.hasToken = params.token != address(0);
        record.token = params.token;
        record.owner = msg.sender;
        record.schedule.trigger = params.trigger;
        _write(record, params, forwarder);
        emit JobCreated(jobId, msg.sender, forwarder, params);
        _receive(jobId, record, funding);
    }

    /// @dev What an update may change.
    function _write(Record storage record, JobParams calldata params, address forwarder) private {
        (uint40 start, uint32 interval) = _terms.check(params, forwarder);
        Schedule storage schedule = record.schedule;
        schedule.fee = uint80(params.fee);
        schedule.start = start;
        schedule.interval = interval;
        schedule.inactiveFrom = 0;
        schedule.callbackGas = uint24(params.callbackGas);
        schedule.quorumBps = params.quorumBps;
        schedule.punctualSeconds = params.punctualSeconds;
        record.target = params.target;
        record.action = params.action;
        record.codeHash = params.codeHash;
    }

    /// @dev As many bits as lie beside a job's target, where a settlement reads them for nothing. Finding another creator and
    /// salt that give the same takes 2^88 hashes, and gains an address that somebody was about to use.
    function _saltOf(address creator, bytes32 salt) private pure returns (uint88) {
        return uint88(uint256(keccak256(abi.encode(creator, salt))));
    }

    /* MONEY IN */

    /// @inheritdoc IJobManager
    function fund(uint64 jobId, uint256 amount) external payable nonReentrant whenNotPaused {
        Record storage record = _jobs[jobId];
        Status status = record.account.status;
        if (status == Status.None) revert UnknownJob(jobId);
        if (status == Status.Cancelled) revert WrongStatus(status);
        _receive(jobId, record, amount);
    }

    /// @dev Tokens that deliver less than was sent are refused, for escrow must be covered in full.
    function _receive(uint64 jobId, Record storage record, uint256 amount) private {
        if (msg.value != (record.token == address(0) ? amount : 0)) revert WrongValue();
        if (amount == 0) return;
        uint256 escrow = record.account.escrow + amount;
        if (escrow > type(uint96).max) revert EscrowTooLarge(type(uint96).max);
        record.account.escrow = uint96(escrow);
        emit JobFunded(jobId, msg.sender, amount, escrow);
        if (record.token == address(0)) return;
        IERC20 token = IERC20(record.token);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = token.balanceOf(address(this)) - before;
        if (received != amount) revert TokenTakesFees(amount, received);
    }

    /* LIFE */

    /// @inheritdoc IJobManager
    function pause(uint64 jobId) external {
        Record storage record = _owned(jobId);
        _requireStatus(record, Status.Active);
        record.account.status = Status.Paused;
        record.schedule.inactiveFrom = uint40(block.timestamp + noticeSeconds);
        emit JobPaused(jobId, record.schedule.inactiveFrom);
    }

    /// @inheritdoc IJobManager
    function resume(uint64 jobId) external {
        Record storage record = _owned(jobId);
        _requireClosed(record);
        Schedule storage schedule = record.schedule;
        uint256 earliest = block.timestamp + noticeSeconds;
        uint256 start = schedule.start;
        if (start < earliest) {
            if (schedule.trigger == Trigger.OneShot) revert TooEarly(uint64(earliest));
            uint256 interval = schedule.interval;
            // up to a whole number of intervals
            // slither-disable-next-line divide-before-multiply
            start += (earliest - start + interval - 1) / interval * interval;
        }
        schedule.start = uint40(start);
        schedule.inactiveFrom = 0;
        emit JobResumed(jobId, _nextVersion(record), uint64(start));
    }

    /// @inheritdoc IJobManager
    function update(uint64 jobId, JobParams calldata params) external {
        Record storage record = _owned(jobId);
        _requireClosed(record);
        if (params.token != record.token) revert TokenFixed(record.token);
        if (params.trigger != record.schedule.trigger) revert InvalidTrigger();
        _write(record, params, forwarderOf(jobId));
        uint256 earliest = block.timestamp + noticeSeconds;
        if (record.schedule.start < earliest) revert TooEarly(uint64(earliest));
        emit JobUpdated(jobId, _nextVersion(record), params);
    }

    /// @dev A new version may begin when no task of the old one can settle any more.
    function _requireClosed(Record storage record) private view {
        _requireStatus(record, Status.Paused);
        uint64 closedAt = uint64(record.schedule.inactiveFrom) + EXPIRY_SECONDS;
        if (block.timestamp < closedAt) revert TooEarly(closedAt);
    }

    function _requireStatus(Record storage record, Status status) private view {
        if (record.account.status != status) revert WrongStatus(record.account.status);
    }

    function _nextVersion(Record storage record) private returns (uint32 version) {
        Account storage account = record.account;
        version = ++account.version;
        account.status = Status.Active;
        account.failures = 0;
        account.runs = 0;
    }

    /// @inheritdoc IJobManager
    function cancel(uint64 jobId) external {
        Record storage record = _owned(jobId);
        Status status = record.account.status;
        if (status == Status.Cancelled) revert WrongStatus(status);
        if (status == Status.Active) record.schedule.inactiveFrom = uint40(block.timestamp + noticeSeconds);
        record.account.status = Status.Cancelled;
        emit JobCancelled(jobId, record.schedule.inactiveFrom);
    }

    /* MONEY OUT */

    /// @inheritdoc IJobManager
    function requestWithdrawal(uint64 jobId, uint256 amount) external {
        Record storage record = _owned(jobId);
        if (amount == 0 || amount > record.account.escrow) revert InsufficientEscrow();
        uint256 from = record.schedule.inactiveFrom;
        if (from < block.timestamp) from = block.timestamp;
        uint64 availableAt = uint64(from + EXPIRY_SECONDS);
        _withdrawals[jobId] = Withdrawal(uint128(amount), availableAt);
        emit WithdrawalRequested(jobId, amount, availableAt);
    }

    /// @inheritdoc IJobManager
    /// @dev Tasks settled since the request come first: it pays out what is left, up to the amount asked for.
    function withdraw(uint64 jobId, address to) external nonReentrant {
        Record storage record = _owned(jobId);
        if (to == address(0)) revert ZeroRecipient();
        Withdrawal memory request = _withdrawals[jobId];
        if (request.amount == 0) revert NothingRequested();
        if (block.timestamp < request.availableAt) revert TooEarly(request.availableAt);
        if (block.timestamp > request.availableAt + WITHDRAWAL_SECONDS) revert WithdrawalLapsed();
        delete _withdrawals[jobId];
        uint96 escrow = record.account.escrow;
        uint96 amount = request.amount < escrow ? uint96(request.amount) : escrow;
        record.account.escrow = escrow - amount;
        emit JobWithdrawn(jobId, to, amount, escrow - amount);
        _send(record.token, to, amount);
    }

    /// @inheritdoc IJobManager
    function claim(address token, uint32[] calldata epochs, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = _takeOwed(msg.sender, token, epochs);
        if (amount == 0) revert NothingOwed();
        emit Claimed(msg.sender, token, to, amount);
        _send(token, to, amount);
    }

    /// @inheritdoc IJobManager
    function claimProtocol(address token, address to) external nonReentrant onlyOwner returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = protocolOwed[token];
        if (amount == 0) revert NothingOwed();
        protocolOwed[token] = 0;
        emit Claimed(msg.sender, token, to, amount);
        _send(token, to, amount);
    }

    function _send(address token, address to, uint256 amount) private {
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IJobManager
    function job(uint64 jobId) external view returns (Job memory found) {
        Record storage record = _jobs[jobId];
        Account memory account = record.account;
        found.version = account.version;
        found.status = account.status;
        found.failures = account.failures;
        found.escrow = account.escrow;
        if (account.status != Status.None) found.forwarder = forwarderOf(jobId);
        _describe(found, record);
    }

    function _describe(Job memory found, Record storage record) private view {
        Schedule memory schedule = record.schedule;
        found.trigger = schedule.trigger;
        found.quorumBps = schedule.quorumBps;
        found.punctualSeconds = schedule.punctualSeconds;
        found.callbackGas = schedule.callbackGas;
        found.inactiveFrom = schedule.inactiveFrom;
        found.fee = schedule.fee;
        found.start = schedule.start;
        found.interval = schedule.trigger == Trigger.OneShot ? 0 : schedule.interval;
        (found.owner, found.target, found.token) = (record.owner, record.target, record.token);
        (found.action, found.codeHash) = (record.action, record.codeHash);
    }

    /// @inheritdoc IJobManager
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IJobManager
    function owed(address operator, address token, uint32[] calldata epochs) external view returns (uint256 amount) {
        for (uint256 i = 0; i < epochs.length; ++i) {
            amount += _owedIn(operator, token, epochs[i]);
        }
    }

    /// @inheritdoc IJobManager
    function forwarderOf(uint64 jobId) public view returns (address) {
        return _forwarderAt(_jobs[jobId].salt);
    }

    /// @inheritdoc IJobManager
    function forwarderFor(address creator, bytes32 salt) external view returns (address) {
        return _forwarderAt(_saltOf(creator, salt));
    }

    function _forwarderAt(uint88 salt) private view returns (address) {
        return Create2.computeAddress(bytes32(uint256(salt)), forwarderCodeHash);
    }

    function _forwarderCode(address caller) private pure returns (bytes memory) {
        return bytes.concat(type(JobForwarder).creationCode, abi.encode(caller));
    }

    function withdrawal(uint64 jobId) external view returns (uint256 amount, uint64 availableAt) {
        return (_withdrawals[jobId].amount, _withdrawals[jobId].availableAt);
    }

    function _owned(uint64 jobId) private view returns (Record storage record) {
        record = _jobs[jobId];
        if (record.account.status == Status.None) revert UnknownJob(jobId);
        if (record.owner != msg.sender) revert NotOwner();
    }
}
